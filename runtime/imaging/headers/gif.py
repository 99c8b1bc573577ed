"""GIF: https://www.w3.org/Graphics/GIF/spec-gif89a.txt, sections 18 to 20."""

from contextlib import suppress

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers.reader import MAX_PARTS, Reader
from runtime.rejection import Rejected

_EXTENSION, _IMAGE = 0x21, 0x2C
_HAS_TABLE = 0x80


def parse(file: Reader) -> Header:
    """Return the size of the logical screen, and the part of it that the first frame covers."""
    width, height, flags = file.unpack("<HHB", 6)
    frame = None
    with suppress(Rejected):  # the file ends before that, which the decoder will report
        frame = _first_frame(file, 13 + (3 << (flags & 7) + 1 if flags & _HAS_TABLE else 0))
    covers = frame is None or (frame[:2] == (0, 0) and frame[2] >= width and frame[3] >= height)
    return Header(format=Format.GIF, width=width, height=height, frame=None if covers else frame)


def _first_frame(file: Reader, offset: int) -> tuple[int, int, int, int] | None:
    """Return left, top, width and height, after skipping extensions."""
    for _ in range(MAX_PARTS):
        (kind,) = file.unpack("B", offset)
        if kind == _IMAGE:
            left, top, width, height = file.unpack("<HHHH", offset + 1)
            return left, top, width, height
        if kind != _EXTENSION:
            return None
        offset += 2
        for _ in range(MAX_PARTS):
            (size,) = file.unpack("B", offset)
            offset += size + 1
            if not size:
                break
    return None
