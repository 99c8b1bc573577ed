"""One small parser per format, of what limits, estimates and decoders need to know (header.py).

They are our own, because they run on untrusted uploads of which only the size has been checked.
Python slices cannot overrun, every read is bounded, and libvips needs the whole file to open WebP, TIFF and
AVIF.
"""

from collections.abc import Callable

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers import avif, gif, jpeg, png, tiff, webp
from runtime.imaging.headers.reader import Reader

PARSERS: dict[Format, Callable[[Reader], Header]] = {
    Format.JPEG: jpeg.parse,
    Format.PNG: png.parse,
    Format.WEBP: webp.parse,
    Format.GIF: gif.parse,
    Format.TIFF: tiff.parse,
    Format.AVIF: avif.parse,
}

__all__ = ["PARSERS", "Reader"]
