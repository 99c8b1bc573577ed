"""What a file's header says."""

from dataclasses import dataclass

from imaging.formats import Format


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the header says.

    width, height: pixels of the first page as stored, before any rotation.
    pages: at least this many pages or frames, as far as the header tells (1 for GIF, which has no count).
    orientation: the EXIF orientation, 1-8 (https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf).
    progressive: the decoder must hold the whole image before the first row is done.
    tiled: a TIFF of which a part can be read alone.
    """

    format: Format
    width: int
    height: int
    pages: int = 1
    orientation: int = 1
    progressive: bool = False
    tiled: bool = False
