"""Maximum size of an input."""

from dataclasses import dataclass

MAX_AVIF_PIXELS = 40_000_000
"""Maximum pixels of an AVIF, whose decoder needs 15 to 26 bytes per pixel; other decoders need 1 to 10.

Measured by `python3 dev.py bench memory`. The largest AVIF must fit in the function's 1,769 MB.
"""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on one job, all checked before any pixel is decoded.

    max_pixels: width x height of the first page.
    max_bytes: size of the file as uploaded; all work except tile pyramids holds it in memory while decoding.
    """

    max_pixels: int = 100_000_000
    max_bytes: int = 100 * 1024 * 1024
