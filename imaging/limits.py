"""How large an input may be before it is refused."""

from dataclasses import dataclass

MAX_PIXELS_AT_ONCE = 40_000_000
"""For decoders that hold all of the image, and more than once: AVIF and interlaced PNG need 15 to 26 bytes a
pixel where others need 1 to 12, and the function's 1,769 MB must do (`python3 dev.py bench memory`).
"""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one job may cost. All are checked before a pixel is decoded.

    max_pixels: width x height of the first page.
    max_bytes: the size of the file as uploaded; it is held in memory while it is decoded.
    """

    max_pixels: int = 100_000_000
    max_bytes: int = 100 * 1024 * 1024
