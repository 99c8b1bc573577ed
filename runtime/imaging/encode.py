"""Encoding of an image as the bytes of a response."""

from io import BytesIO

import pyvips

from runtime.imaging.transform import EFFORT_ON_THE_FLY, QUALITY, WHITE, Encoding

LIBJPEG_TURBO_PIXELS = 1_000_000
"""Pillow's libjpeg-turbo encodes images up to this size, with less CPU: `python3 dev.py bench decoding`."""


def encode(image: pyvips.Image, encoding: Encoding) -> bytes:
    """Encode without metadata; a JPEG gets a white background. image: in memory, sRGB or grey, 8 bits."""
    match encoding:
        case Encoding.PNG:
            return bytes(image.pngsave_buffer(keep="none"))
        case Encoding.WEBP:
            return bytes(image.webpsave_buffer(Q=QUALITY, effort=EFFORT_ON_THE_FLY, keep="none"))
        case Encoding.JPG:
            opaque = image.flatten(background=WHITE) if image.hasalpha() else image
            if opaque.width * opaque.height > LIBJPEG_TURBO_PIXELS:
                return bytes(opaque.jpegsave_buffer(Q=QUALITY, keep="none"))
            return by_libjpeg_turbo(opaque)


def by_libjpeg_turbo(image: pyvips.Image) -> bytes:
    """Return a JPEG, encoded in this thread: switching to libvips' threads and back costs CPU (ADR 0027)."""
    from PIL import Image  # takes 60 ms of CPU, so only where a JPEG is requested

    mode, size = "L" if image.bands == 1 else "RGB", (image.width, image.height)
    pixels = pyvips.Region.new(image).fetch(0, 0, *size)
    written = BytesIO()
    Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1).save(
        written, "JPEG", quality=QUALITY, subsampling="4:2:0"
    )
    return written.getvalue()
