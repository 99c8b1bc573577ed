"""Large photos, made from a sample by repetition and seeded grain: no sample is a large camera photo."""

from pathlib import Path

import pyvips

ROOT = Path(__file__).parent.parent
PHOTOS = ROOT / "build" / "bench"


def photo(width: int, height: int, *, seed: int = 1) -> pyvips.Image:
    """Return `width` x `height` pixels of a sample, repeated, with a camera's grain (sigma 3)."""
    # Opened with pyvips directly: runtime.imaging.engine, if imported, blocks some loaders, but not JPEG's.
    earth = pyvips.Image.new_from_file(str(ROOT / "samples" / "earth-blue-marble.jpg"))
    across, down = -(-width // earth.width), -(-height // earth.height)
    tiled = earth.replicate(across, down).crop(0, 0, width, height)
    grain = pyvips.Image.gaussnoise(width, height, sigma=3, mean=0, seed=seed)
    return (tiled + grain).cast("uchar").copy(interpretation="srgb")


def jpeg(width: int, height: int) -> Path:
    """Return a baseline JPEG of that size, quality 90, made on first use."""
    path = PHOTOS / f"{width}x{height}.jpg"
    if not path.exists():
        PHOTOS.mkdir(parents=True, exist_ok=True)
        photo(width, height).jpegsave(str(path), Q=90)
    return path


def enlarged(factor: int) -> Path:
    """Return a JPEG of the Earth sample, enlarged, quality 90, made on first use; factor 1 keeps its size."""
    path = PHOTOS / f"earth-{factor}.jpg"
    if not path.exists():
        PHOTOS.mkdir(parents=True, exist_ok=True)
        earth = pyvips.Image.new_from_file(str(ROOT / "samples" / "earth-blue-marble.jpg"))
        earth.resize(factor, kernel="lanczos3").jpegsave(str(path), Q=90)
    return path
