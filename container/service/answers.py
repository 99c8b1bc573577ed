"""Answers that stay within what whoever stands before the service hands on; pure."""

import pyvips

from container.service.errors import BadRequestError
from runtime.imaging.encode import encode
from runtime.imaging.transform import Encoding

WORST = {Encoding.JPG: 1.0, Encoding.WEBP: 1.0}
"""Bytes a pixel, at the service's qualities, and no picture takes more: noise of primaries takes 0.85."""
WORST_ALPHA = 1.0
"""Further bytes per pixel for alpha in WebP, which keeps it losslessly."""
WORST_PNG = 1.01
"""Bytes a sample: what cannot be compressed is stored, with a header for each block."""


def encoded_within(most: int, image: pyvips.Image, encoding: Encoding) -> bytes:
    """Return the encoded image. most: bytes that it may have; 0 is no limit.

    Raises BadRequestError with what to ask for instead: before it is encoded where it might be larger, and
    afterwards where it is all the same.
    """
    if most and (worst := _worst(image, encoding)) > most:
        raise _too_large(most / worst, image, most)
    data = encode(image, encoding)
    if most and len(data) > most:
        raise _too_large(most / len(data), image, most)
    return data


def _worst(image: pyvips.Image, encoding: Encoding) -> float:
    pixels = image.width * image.height
    if encoding is Encoding.PNG:
        return float(pixels * image.bands * WORST_PNG)
    alpha = WORST_ALPHA if encoding is Encoding.WEBP and image.hasalpha() else 0
    return float(pixels * (WORST[encoding] + alpha))


def _too_large(share: float, image: pyvips.Image, most: int) -> BadRequestError:
    """share: of its bytes that may be."""
    width, height = (max(1, int(edge * share**0.5)) for edge in (image.width, image.height))
    return BadRequestError(
        f"{image.width:,} x {image.height:,} pixels may be more than the {most:,} bytes of one answer here. "
        f"Ask for a size of !{width},{height} or smaller, for a region, or for jpg."
    )
