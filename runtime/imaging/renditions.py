"""An image in several sizes as WebP, decoded once, without metadata such as GPS or thumbnails."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pyvips

from runtime.imaging.engine import decoding
from runtime.imaging.header import Header
from runtime.imaging.limits import Limits
from runtime.imaging.opening import ready, whole

LONG_EDGES = (1600, 800, 320)
QUALITY = 80
EFFORT = 4
"""WebP effort, 0-6: stored renditions are encoded once and read often, so size matters more than CPU."""
MEDIA_TYPE = "image/webp"


@dataclass(frozen=True, kw_only=True)
class Rendition:
    """One size. long_edge: as requested, in pixels; width and height are smaller if the source is."""

    long_edge: int
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """All sizes, largest first, and the milliseconds spent decoding and encoding."""

    renditions: tuple[Rendition, ...]
    decode_ms: float
    encode_ms: float


def render(data: bytes, header: Header, limits: Limits, long_edges: Sequence[int] = LONG_EDGES) -> Rendered:
    """Encode `data`, whose header was probed, as WebP with the given long edges in pixels; never enlarged.

    Raises as `scale` does.
    """
    started = time.perf_counter()
    images = scale(data, header, limits, long_edges)
    decoded = time.perf_counter()
    renditions: list[Rendition] = []
    for long_edge, image in zip(sorted(long_edges, reverse=True), images, strict=True):
        last = renditions[-1] if renditions else None
        if last and (last.width, last.height) == (image.width, image.height):
            encoded = last.data
        else:
            encoded = bytes(image.webpsave_buffer(Q=QUALITY, effort=EFFORT, keep="none"))
        renditions.append(
            Rendition(long_edge=long_edge, width=image.width, height=image.height, data=encoded)
        )
    return Rendered(
        renditions=tuple(renditions),
        decode_ms=(decoded - started) * 1000,
        encode_ms=(time.perf_counter() - decoded) * 1000,
    )


def scale(data: bytes, header: Header, limits: Limits, long_edges: Sequence[int]) -> list[pyvips.Image]:
    """Return `data` in several sizes, largest first, in memory.

    The largest is decoded with shrink-on-load if possible, each smaller one made from the previous one. All
    show only the first frame, upright, in 8-bit sRGB or grey, whatever the EXIF orientation and profile;
    alpha is kept.

    Raises Rejected TRUNCATED, DAMAGED, or TOO_MANY_PIXELS when the decoder finds more pixels than are
    accepted.
    """
    largest, *smaller = sorted(long_edges, reverse=True)
    with decoding(data, header.format):
        # The decoder reads the header its own way: a forged one must not get past the limit.
        data, header = ready(data, header, limits)
        image = whole(data, header, largest, largest, size="down")
    # Each is made from the one before: the fewer pixels a reduction spans, the smaller the rounding error of
    # its 8-bit coefficients.
    sizes = (_fit(image.width, image.height, long_edge) for long_edge in smaller)
    return list(itertools.accumulate(sizes, _reduce, initial=image))


def _fit(width: int, height: int, long_edge: int) -> tuple[int, int]:
    """Return width and height with that long edge and the same aspect ratio, never enlarged."""
    factor = min(1, long_edge / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _reduce(image: pyvips.Image, size: tuple[int, int]) -> pyvips.Image:
    """Shrink by Lanczos in one step: libvips would average whole pixels first, which is visibly softer."""
    if (image.width, image.height) == size:
        return image
    across, down = size[0] / image.width, size[1] / image.height
    opaque = image.premultiply() if image.hasalpha() else image
    reduced = opaque.resize(across, vscale=down, kernel="lanczos3", gap=0)
    return (reduced.unpremultiply().rint().cast("uchar") if image.hasalpha() else reduced).copy_memory()


def as_jpeg(webp: bytes) -> bytes:
    """Return a rendition as JPEG on white, quality 85: for services that do not read WebP."""
    image = pyvips.Image.new_from_buffer(webp, "")
    if image.hasalpha():
        image = image.flatten(background=[255])
    return bytes(image.jpegsave_buffer(Q=85, keep="none"))
