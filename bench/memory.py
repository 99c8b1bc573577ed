"""Peak memory and CPU time, less an idle process's, for demanding kinds of each format and for plain JPEG."""

import sys
from pathlib import Path
from typing import Any

from bench.measure import run, save, sized
from bench.photos import PHOTOS

SIDE = sized(6000, 600)
KINDS: dict[str, tuple[str, dict[str, Any], int, bool]] = {
    "JPEG, baseline": (".jpg", {}, 8, False),
    "JPEG, progressive, 4:4:4": (".jpg", {"interlace": True, "subsample_mode": "off"}, 8, False),
    "PNG, 16 bits, alpha": (".png", {}, 16, True),
    "PNG, interlaced, 8 bits, alpha": (".png", {"interlace": True}, 8, True),
    "PNG, interlaced, 16 bits, alpha": (".png", {"interlace": True}, 16, True),
    "WebP, alpha": (".webp", {"effort": 0}, 8, True),
    "WebP, lossless, alpha": (".webp", {"effort": 0, "lossless": True}, 8, True),
    "GIF, alpha": (".gif", {"effort": 1}, 8, True),
    "TIFF, deflate, 16 bits, alpha": (".tif", {"compression": "deflate"}, 16, True),
    "AVIF, 8 bits": (".avif", {"effort": 0}, 8, False),
    "AVIF, 10 bits, 4:4:4, alpha": (
        ".avif",
        {"effort": 0, "bitdepth": 10, "subsample_mode": "off"},
        16,
        True,
    ),
}


def made(kind: str) -> Path:
    """Return the file of a square image of that kind, with grain, made on first use."""
    suffix, options, bits, alpha = KINDS[kind]
    path = PHOTOS / f"{'-'.join(kind.replace(',', '').replace(':', '').split())}-{SIDE}{suffix}"
    if not path.exists():
        from bench.photos import photo

        PHOTOS.mkdir(parents=True, exist_ok=True)
        image = photo(SIDE, SIDE)
        image = image.bandjoin(image.extract_band(0)) if alpha else image
        if bits == 16:
            image = (image.cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")
        image.write_to_file(str(path), **options)
    return path


def main() -> None:
    """Measure every kind and store the result."""
    # In another process: the peak of a child begins at the size of its parent.
    run([sys.executable, "-c", "import bench.memory as m; [m.made(kind) for kind in m.KINDS]"])
    rows, figures = [], {}
    work = Path(__file__).parent / "peers" / "ours.py"
    for kind in KINDS:
        path = made(kind)
        idle = run(
            [
                sys.executable,
                "-c",
                "import runtime.imaging.renditions, sys; open(sys.argv[1], 'rb').read()",
                path,
            ]
        )
        busy = run([sys.executable, work, path, "webp", "0"])
        per_pixel = (busy.peak_mb - idle.peak_mb) * 2**20 / SIDE**2
        figures[kind] = round(per_pixel, 1)
        size = path.stat().st_size / 1e6
        rows.append(
            [
                kind,
                f"{size:.1f} MB",
                f"{busy.peak_mb:.0f} MB",
                f"{per_pixel:.1f}",
                f"{busy.cpu - idle.cpu:.1f} s",
            ]
        )
    head = ["36 MP as", "file", "peak of the process", "bytes per pixel, net", "CPU, net"]
    save("memory", {"figures": figures, "table": [head, *rows]})


if __name__ == "__main__":
    main()
