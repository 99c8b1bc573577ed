"""What a file's header says."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from runtime.imaging.formats import Format

if TYPE_CHECKING:
    from runtime.imaging.tones import Tones


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
    samples: a JPEG's numbers per pixel, fewer than bands where colours are subsampled.
    block_rows: rows that come at once, of a TIFF's strips or tiles.
    planar: a TIFF that stores its channels one after the other.
    keep: the channels of a decoded pixel that are its colours and its alpha; None where that is all of them.
    tones: colours told otherwise than by a profile, where they are not sRGB's.
    grey: an AVIF of greys, which come as RGB.
    limited: greys of 16 to 235, which our decoder takes for 0 to 255.
    frame: left, top, width and height of the part that the first frame covers, where that is not all.
    strict: the decoder's warnings count: a JPEG without an end marker that ends early gives no more than
        these.
    patches: what to write where before decoding, for what readers skip and our decoder does not.
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
    keep: tuple[int, ...] | None = None
    tones: "Tones | None" = None
    grey: bool = False
    limited: bool = False
    frame: tuple[int, int, int, int] | None = None
    strict: bool = False
    patches: tuple[tuple[int, bytes], ...] = ()

    @property
    def told(self) -> dict[str, object]:
        """For a manifest: what the file is, without what a decoder has to be helped with."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _HELP}


_HELP = {"keep", "tones", "grey", "limited", "frame", "strict", "patches"}
