"""TIFF 6.0 (https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf) and BigTIFF
(https://www.awaresystems.be/imaging/tiff/bigtiff.html). EXIF is a TIFF directory too.
"""

from imaging.formats import Format
from imaging.header import Header
from imaging.headers.reader import MAX_PARTS, Reader, damaged
from imaging.rejection import Rejected

_WIDTH, _HEIGHT, _ORIENTATION, _TILE_WIDTH = 256, 257, 274, 322
_WANTED = {_WIDTH, _HEIGHT, _ORIENTATION, _TILE_WIDTH}
_LAYOUTS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # BYTE, SHORT, LONG, LONG8


def parse(file: Reader) -> Header:
    """The first directory, wherever it is."""
    tags, more = _directory(file)
    return Header(
        format=Format.TIFF,
        width=tags.get(_WIDTH, 0),
        height=tags.get(_HEIGHT, 0),
        pages=2 if more else 1,
        orientation=tags.get(_ORIENTATION, 1),
        tiled=_TILE_WIDTH in tags,
    )


def orientation(exif: bytes) -> int:
    """The orientation in a block of EXIF; 1 where there is none or it cannot be read."""
    try:
        tags, _ = _directory(Reader(lambda offset, length: exif[offset : offset + length]))
    except Rejected:
        return 1
    return tags.get(_ORIENTATION, 1)


def _directory(file: Reader) -> tuple[dict[int, int], bool]:
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
        if tag in _WANTED and kind in _LAYOUTS:
            (tags[tag],) = file.unpack(end + _LAYOUTS[kind], entry + value_at)
    (following,) = file.unpack(f"{end}Q" if big else f"{end}I", first + count * entry_size)
    return tags, following != 0
