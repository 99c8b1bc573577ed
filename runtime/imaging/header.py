"""The facts in a file's header."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from runtime.imaging.formats import Format

if TYPE_CHECKING:
    from runtime.imaging.tones import Tones


@dataclass(frozen=True, kw_only=True)
class Header:
    """The facts in a file's header.

    width, height: pixels of the first page, before `orientation`; for AVIF, after the file's own rotation.
    pages: at least this many pages or frames, as far as the header shows (1 for GIF, which has no count).
    orientation: the EXIF orientation, 1-8 (https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf).
    progressive: the decoder must hold the whole image before the first row is done; also for a JPEG whose
        first scan does not contain every channel.
    tiled: a TIFF stored in tiles, which can be read separately.
    bands: channels as decoded, including alpha; 4 where the header does not say.
    bits: bits per channel as decoded, 8 or 16.
    samples: a JPEG's samples per pixel, fewer than `bands` if its chroma is subsampled.
    block_rows: rows per strip or tile of a TIFF.
    planar: a TIFF that stores its channels one after another.
    keep: the channels of a decoded pixel that are its colours and alpha; None means all.
    tones: colours described by means other than a profile, if they are not sRGB's.
    grey: a greyscale AVIF, which decodes as RGB.
    limited: grey levels 16 to 235, which our decoder treats as 0 to 255.
    frame: left, top, width and height of the first frame, if it does not cover the image.
    strict: treat the decoder's warnings as errors: a truncated JPEG without end marker, and damaged data
        in some codecs of TIFF, cause nothing but warnings.
    patches: offsets, and bytes to write there before decoding: our decoder refuses what other readers skip.
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
    def summary(self) -> dict[str, object]:
        """Return the facts for a manifest, without those that only help a decoder."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _HELP}


_HELP = {"keep", "tones", "grey", "limited", "frame", "strict", "patches"}
