"""Images made by code, of every kind that the tests need."""

from typing import Any

import pyvips

from runtime.imaging.header import Header
from runtime.imaging.probe import probe_bytes

RED, GREEN, BLUE, WHITE = (230, 20, 20), (20, 200, 30), (20, 40, 220), (250, 250, 250)


def corners(width: int = 600, height: int = 400) -> pyvips.Image:
    """Return red, green, blue and white quarters: upper left, upper right, lower left, lower right."""
    half = [width // 2, height // 2]
    quarters = [
        (pyvips.Image.black(*half) + list(colour)).cast("uchar").copy(interpretation="srgb")
        for colour in (RED, GREEN, BLUE, WHITE)
    ]
    return pyvips.Image.arrayjoin(quarters, across=2)


def noise(width: int, height: int, seed: int = 1) -> pyvips.Image:
    """Return incompressible noise."""
    bands = [
        pyvips.Image.gaussnoise(width, height, mean=128, sigma=50, seed=seed + band) for band in range(3)
    ]
    return bands[0].bandjoin(bands[1:]).cast("uchar").copy(interpretation="srgb")


def encode(image: pyvips.Image, suffix: str, *, orientation: int = 1, **options: Any) -> bytes:
    """Encode `image` as a file of the kind that `suffix` names."""
    if orientation != 1:
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return bytes(image.write_to_buffer(suffix, **options))


def decode(data: bytes) -> pyvips.Image:
    return pyvips.Image.new_from_buffer(data, "")


def colour_at(image: pyvips.Image, x: float, y: float) -> tuple[float, ...]:
    """Return the colour at a position given as fractions of width and height."""
    return tuple(image(int(x * image.width), int(y * image.height)))


def header_of(data: bytes) -> Header:
    return probe_bytes(data)
