"""How large an input may be before it is refused."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one job may cost. Both are checked before a pixel is decoded.

    max_pixels: width x height of the first page. 100 MP of 16-bit RGBA, the worst that a decoder must hold
        whole (interlaced PNG), is 800 MB: it fits the function's 1,769 MB.
    max_bytes: the size of the file as uploaded; it is held in memory while it is decoded.
    """

    max_pixels: int = 100_000_000
    max_bytes: int = 100 * 1024 * 1024
