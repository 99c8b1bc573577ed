"""What a file's header says."""

from dataclasses import dataclass

from runtime.imaging.formats import Format


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the header says.

    width, height: pixels of the first page as stored, before any rotation.
    pages: at least this many pages or frames, as far as the header tells (1 for GIF, which has no count).
    orientation: the EXIF orientation, 1-8 (https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf).
    progressive: the decoder must hold the whole image before the first row is done; so also of a JPEG with a
        scan for each channel.
    tiled: a TIFF of which a part can be read alone.
    bands: channels as decoded, alpha among them; 4 where the header does not say.
    bits: of a channel as decoded, 8 or 16, or 32 or 64 of a TIFF's.
    samples: a JPEG's numbers a pixel, fewer than bands where colours are subsampled.
    block_rows: rows that come at once, of a TIFF's strips or tiles.
    planar: a TIFF that stores its channels one after the other.
    """

    format: Format
    width: int
    height: int
    pages: int = 1
    orientation: int = 1
    progressive: bool = False
    tiled: bool = False
    bands: int = 4
    bits: int = 8
    samples: float = 4
    block_rows: int = 1
    planar: bool = False
