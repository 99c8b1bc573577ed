"""Size limits on responses, set by whatever sits in front of the service. Pure functions."""

import pyvips

from container.service.errors import BadRequestError
from runtime.imaging.encode import encode
from runtime.imaging.transform import Encoding

WORST = {Encoding.JPG: 1.0, Encoding.WEBP: 1.0}
"""Most bytes per pixel at the service's qualities; the worst picture, noise of primary colours, takes 0.85.
"""
WORST_ALPHA = 1.0
"""Additional bytes per pixel for alpha, which WebP stores losslessly."""
WORST_PNG = 1.01
"""Most bytes per sample: incompressible data is stored, with a header per block."""


def encoded_within(most: int, image: pyvips.Image, encoding: Encoding) -> bytes:
    """Encode an image within `most` bytes; 0 is no limit.

    Raises BadRequestError, saying what to request instead: before encoding if the result might be too large,
    or after encoding if it is too large.
    """
    if most and (worst := _worst(image, encoding)) > most:
        raise _too_large(most / worst, image, most, encoding)
    data = encode(image, encoding)
    if most and len(data) > most:
        raise _too_large(most / len(data), image, most, encoding)
    return data


def _worst(image: pyvips.Image, encoding: Encoding) -> float:
    pixels = image.width * image.height
    if encoding is Encoding.PNG:
        return float(pixels * image.bands * WORST_PNG)
    alpha = WORST_ALPHA if encoding is Encoding.WEBP and image.hasalpha() else 0
    return float(pixels * (WORST[encoding] + alpha))


def _too_large(share: float, image: pyvips.Image, most: int, encoding: Encoding) -> BadRequestError:
    """Return the error for a response that is too large. share: how much of the requested size would fit."""
    width, height = (max(1, int(edge * share**0.5)) for edge in (image.width, image.height))
    jpg_fits = encoding is not Encoding.JPG and _worst(image, Encoding.JPG) <= most
    ways = "for a region, or for jpg" if jpg_fits else "or for a region"
    return BadRequestError(
        f"{image.width:,} x {image.height:,} pixels may be more than the {most:,} bytes of one answer here. "
        f"Ask for a size of !{width},{height} or smaller, {ways}."
    )
