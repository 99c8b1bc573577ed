"""TIFF 6.0 and BigTIFF. EXIF is a TIFF directory too.

https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf
https://www.awaresystems.be/imaging/tiff/bigtiff.html
"""

import struct
from typing import NamedTuple

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers.reader import MAX_PARTS, Reader, damaged
from runtime.imaging.layouts import (
    PALETTE,
    RAW_COLOURS,
    UINT,
    UNCHECKED_CODECS,
    Tiff,
    channels_of,
    not_read,
    raw,
)
from runtime.rejection import Rejected

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _CODEC, _PHOTOMETRIC, _MAKE = 254, 256, 257, 258, 259, 262, 271
_ORIENTATION, _SAMPLES, _STRIP_ROWS, _PLANAR = 274, 277, 278, 284
_TILE_WIDTH, _TILE_ROWS, _SUBDIRECTORIES, _EXTRAS, _FORMATS = 322, 323, 330, 338, 339
_DNG_VERSION = 50706
_SEPARATE, _REDUCED = 2, 1
_WANTED = {
    *(_SUBFILE, _WIDTH, _HEIGHT, _BITS, _CODEC, _PHOTOMETRIC, _MAKE, _ORIENTATION, _SAMPLES, _STRIP_ROWS),
    *(_PLANAR, _TILE_WIDTH, _TILE_ROWS, _SUBDIRECTORIES, _EXTRAS, _FORMATS, _DNG_VERSION),
}
_LAYOUTS = {1: "B", 2: "B", 3: "H", 4: "I", 8: "h", 9: "i", 13: "I", 16: "Q"}
"""`struct` formats of BYTE, ASCII, SHORT, LONG, SSHORT, SLONG, IFD and LONG8."""
_MOST_VALUES = 64
_MAY_BE_LOST = {_MAKE, _ORIENTATION, _SUBDIRECTORIES}
"""Tags whose values may be missing at the end of a truncated file without changing the picture."""
_KNOWN_TYPES = {*range(1, 14), 16, 17, 18}
"""Known entry types; others are skipped, as TIFF 6.0 requires in section 2."""


class Directory(NamedTuple):
    """A directory. values: at most 64 for each wanted tag that has any.

    more: whether another directory follows.
    unknown: offsets, and bytes to write there so that entries of unknown types disappear.
    """

    values: dict[int, tuple[int, ...]]
    more: bool
    unknown: tuple[tuple[int, bytes], ...] = ()

    def first(self, tag: int, default: int) -> int:
        """Return the first value of a tag, or `default` if it has none."""
        return (self.values.get(tag) or (default,))[0]


def parse(file: Reader) -> Header:
    """Parse the first directory, wherever it is. Raises Rejected UNSUPPORTED_FORMAT for unsupported kinds."""
    found = _directory(file, _WANTED)
    height, samples = found.first(_HEIGHT, 0), found.first(_SAMPLES, 1)
    rows = found.first(_TILE_ROWS, 0) or found.first(_STRIP_ROWS, 0) or height  # else it is one strip
    bits = found.values.get(_BITS, (1,))[: max(1, samples)]
    tiff = Tiff(
        photometric=found.first(_PHOTOMETRIC, 1),
        codec=found.first(_CODEC, 1),
        bits=bits,
        samples=samples,
        formats=found.values.get(_FORMATS, (UINT,)),
        extras=found.values.get(_EXTRAS),
        planar=found.first(_PLANAR, 1) == _SEPARATE,
        tiled=_TILE_WIDTH in found.values,
    )
    _refuse_raw(file, found, tiff)
    if _PHOTOMETRIC not in found.values:
        raise not_read("TIFF", "does not say which colours it has", "Save it as RGB")
    return Header(
        format=Format.TIFF,
        width=found.first(_WIDTH, 0),
        height=height,
        pages=2 if found.more else 1,
        orientation=found.first(_ORIENTATION, 1),
        tiled=tiff.tiled,
        bands=samples + 2 if tiff.photometric == PALETTE else samples,
        bits=min(64, max(8, 1 << (max(bits) - 1).bit_length())) if max(bits) else 8,
        planar=tiff.planar,
        block_rows=max(1, min(rows, height)),
        keep=channels_of(tiff),
        strict=tiff.codec in UNCHECKED_CODECS,
        patches=found.unknown,
    )


def orientation(exif: bytes) -> int:
    """Return the orientation in a block of EXIF; 1 if there is none or it cannot be read."""
    try:
        found = _directory(Reader(lambda offset, length: exif[offset : offset + length]), {_ORIENTATION})
    except Rejected:
        return 1
    return found.first(_ORIENTATION, 1)


def _refuse_raw(file: Reader, found: Directory, tiff: Tiff) -> None:
    """Refuse a camera's raw file: its first directory is a thumbnail, or the mosaic of the sensor."""
    is_thumbnail = found.first(_SUBFILE, 0) & _REDUCED and _SUBDIRECTORIES in found.values
    is_raw = _DNG_VERSION in found.values or tiff.photometric in RAW_COLOURS or is_thumbnail
    if is_raw or file.bytes(8, 2) == b"CR":
        name = bytes(one for one in found.values.get(_MAKE, ()) if 32 <= one < 127)
        raise raw(name.decode("ascii").strip().title())


def _directory(file: Reader, wanted: set[int]) -> Directory:
    """Return the wanted tags of the first directory."""
    byte_order, version = file.bytes(0, 2), file.bytes(2, 2)
    end = {b"II": "<", b"MM": ">"}.get(byte_order)
    if end is None:
        raise damaged("the TIFF gives no byte order")
    big = b"+" in version
    (start,) = file.unpack(f"{end}Q", 8) if big else file.unpack(f"{end}I", 4)
    (count,) = file.unpack(f"{end}Q" if big else f"{end}H", start)
    if not 0 < count <= MAX_PARTS:
        raise damaged(f"a TIFF directory of {count} entries")
    first, entry_size, value_at = (start + 8, 20, 12) if big else (start + 2, 12, 8)
    values: dict[int, tuple[int, ...]] = {}
    strange = []
    for entry in range(first, first + count * entry_size, entry_size):
        tag, kind = file.unpack(f"{end}HH", entry)
        if kind not in _KNOWN_TYPES:
            strange.append(entry)
        (many,) = file.unpack(f"{end}Q" if big else f"{end}I", entry + 4)
        if tag not in wanted or kind not in _LAYOUTS or not many:
            continue
        at = entry + value_at
        size = struct.calcsize(f"{end}{_LAYOUTS[kind]}")
        is_elsewhere = many * size > (8 if big else 4)
        if is_elsewhere:
            (at,) = file.unpack(f"{end}Q" if big else f"{end}I", at)
        try:
            values[tag] = file.unpack(f"{end}{min(many, _MOST_VALUES)}{_LAYOUTS[kind]}", at)
        except Rejected:
            if not is_elsewhere or tag not in _MAY_BE_LOST:
                raise
    (following,) = file.unpack(f"{end}Q" if big else f"{end}I", first + count * entry_size)
    patches = _without(file, end, big, start, count, entry_size, strange) if strange else ()
    return Directory(values, following != 0, patches)


def _without(
    file: Reader, end: str, big: bool, start: int, count: int, entry_size: int, strange: list[int]
) -> tuple[tuple[int, bytes], ...]:
    """Return patches that remove the `strange` entries, on which libtiff fails instead of skipping them."""
    counted = f"{end}Q" if big else f"{end}H"
    first = start + struct.calcsize(counted)
    entries = [file.bytes(first + at * entry_size, entry_size) for at in range(count)]
    kept = [one for at, one in enumerate(entries) if first + at * entry_size not in strange]
    following = file.bytes(first + count * entry_size, 8 if big else 4)
    written = struct.pack(counted, len(kept)) + b"".join(kept) + following
    return ((start, written),)
