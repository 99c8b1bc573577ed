"""TIFF 6.0 (https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf) and BigTIFF
(https://www.awaresystems.be/imaging/tiff/bigtiff.html). EXIF is a TIFF directory too.
"""

import struct

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers.reader import MAX_PARTS, Reader, damaged
from runtime.rejection import Rejected

_WIDTH, _HEIGHT, _BITS, _ORIENTATION, _SAMPLES, _STRIP_ROWS = 256, 257, 258, 274, 277, 278
_TILE_WIDTH, _TILE_ROWS = 322, 323
_PHOTOMETRIC, _PLANAR = 262, 284
_PALETTE, _SEPARATE = 3, 2
_WANTED = {
    *(_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _SAMPLES, _STRIP_ROWS, _PLANAR),
    *(_TILE_WIDTH, _TILE_ROWS),
}
_LAYOUTS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # BYTE, SHORT, LONG, LONG8


def parse(file: Reader) -> Header:
    """The first directory, wherever it is."""
    tags, more = _directory(file, _WANTED)
    height = tags.get(_HEIGHT, 0)
    rows = tags.get(_TILE_ROWS) or tags.get(_STRIP_ROWS) or height  # one strip, where nothing else is said
    return Header(
        format=Format.TIFF,
        width=tags.get(_WIDTH, 0),
        height=height,
        pages=2 if more else 1,
        orientation=tags.get(_ORIENTATION, 1),
        tiled=_TILE_WIDTH in tags,
        bands=3 if tags.get(_PHOTOMETRIC) == _PALETTE else tags.get(_SAMPLES, 1),
        bits=min(64, max(8, 1 << (tags.get(_BITS, 1) - 1).bit_length())),
        planar=tags.get(_PLANAR) == _SEPARATE,
        block_rows=max(1, min(rows, height)),
    )


def orientation(exif: bytes) -> int:
    """The orientation in a block of EXIF; 1 where there is none or it cannot be read."""
    try:
        tags, _ = _directory(Reader(lambda offset, length: exif[offset : offset + length]), {_ORIENTATION})
    except Rejected:
        return 1
    return tags.get(_ORIENTATION, 1)


def _directory(file: Reader, wanted: set[int]) -> tuple[dict[int, int], bool]:
    """The wanted tags of the first directory, and whether another directory follows."""
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
    tags: dict[int, int] = {}
    for entry in range(first, first + count * entry_size, entry_size):
        tag, kind = file.unpack(f"{end}HH", entry)
        if tag in wanted and kind in _LAYOUTS:
            at = entry + value_at
            (values,) = file.unpack(f"{end}Q" if big else f"{end}I", entry + 4)
            is_elsewhere = values * struct.calcsize(f"{end}{_LAYOUTS[kind]}") > (8 if big else 4)
            if is_elsewhere:
                (at,) = file.unpack(f"{end}Q" if big else f"{end}I", at)
            try:
                (tags[tag],) = file.unpack(end + _LAYOUTS[kind], at)
            except Rejected:
                if not is_elsewhere:
                    raise
    (following,) = file.unpack(f"{end}Q" if big else f"{end}I", first + count * entry_size)
    return tags, following != 0
