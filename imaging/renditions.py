"""An image in several sizes as WebP, decoded once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import pyvips

from imaging.engine import decoding
from imaging.limits import Limits
from imaging.probe import Header, check_pixels

LONG_EDGES = (1600, 800, 320)
QUALITY = 80
EFFORT = 4
"""Of WebP's 0-6: what is stored is encoded once and read often, so bytes count for more than CPU."""
MEDIA_TYPE = "image/webp"


@dataclass(frozen=True, kw_only=True)
class Rendition:
    """One size. long_edge: what was asked for, in pixels; width and height are less where the source is."""

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
    """`data`, whose header was probed, as WebP with the long edges given, in pixels; never enlarged.

    Upright whatever its EXIF orientation, in sRGB whatever its profile, 8 bits, first frame only, alpha kept,
    and without any metadata: no GPS position and no thumbnail of what was cropped away.

    The largest is decoded with shrink-on-load and held in memory; each smaller one comes from the one
    before. Raises Rejected TRUNCATED, DAMAGED, or TOO_MANY_PIXELS when the decoder finds more pixels than
    the header said.
    """
    started = time.perf_counter()
    largest, *smaller = sorted(long_edges, reverse=True)
    with decoding(data, header.format):
        # The decoder reads the header its own way: a forged one must not get past the limit.
        opened = pyvips.Image.new_from_buffer(data, "")
        check_pixels(opened.width, opened.height, header, limits)
        image = pyvips.Image.thumbnail_buffer(
            data,
            largest,
            height=largest,
            size="down",
            output_profile="srgb",
            # As an argument fail_on is ignored (https://github.com/libvips/libvips/issues/5195), and with
            # "truncated" a TIFF that ends early passes.
            option_string="fail_on=error",
        ).copy_memory()
    decoded = time.perf_counter()
    renditions = [_encode(image, largest)]
    for long_edge in smaller:
        if max(image.width, image.height) > long_edge:
            image = image.thumbnail_image(long_edge, height=long_edge, size="down").copy_memory()
            renditions.append(_encode(image, long_edge))
        else:
            last = renditions[-1]
            renditions.append(
                Rendition(long_edge=long_edge, width=last.width, height=last.height, data=last.data)
            )
    return Rendered(
        renditions=tuple(renditions),
        decode_ms=(decoded - started) * 1000,
        encode_ms=(time.perf_counter() - decoded) * 1000,
    )


def as_jpeg(webp: bytes) -> bytes:
    """A rendition as JPEG on white, quality 85: for services that read no WebP."""
    image = pyvips.Image.new_from_buffer(webp, "")
    if image.hasalpha():
        image = image.flatten(background=[255])
    return bytes(image.jpegsave_buffer(Q=85, keep="none"))


def _encode(image: pyvips.Image, long_edge: int) -> Rendition:
    data = image.webpsave_buffer(Q=QUALITY, effort=EFFORT, keep="none")
    return Rendition(long_edge=long_edge, width=image.width, height=image.height, data=bytes(data))
