"""How large an input may be before it is refused."""

from dataclasses import dataclass

MAX_AVIF_PIXELS = 40_000_000
"""Its decoder holds all of the image, more than once: 15 to 26 bytes per pixel where the others need 1 to 10
(`python3 dev.py bench memory`), and the function's 1,769 MB must do.
"""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one job may cost. All are checked before a pixel is decoded.

    max_pixels: width x height of the first page.
    max_bytes: the size of the file as uploaded; it is held in memory while it is decoded.
    """

    max_pixels: int = 100_000_000
    max_bytes: int = 100 * 1024 * 1024
