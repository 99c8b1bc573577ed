"""JPEG: ITU-T T.81, https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1."""

from imaging.formats import Format
from imaging.header import Header
from imaging.headers import tiff
from imaging.headers.reader import MAX_PARTS, Reader, damaged

_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_APP1, _END_OF_IMAGE, _START_OF_SCAN = 0xE1, 0xD9, 0xDA


def parse(file: Reader) -> Header:
    """Walks the segments up to the start of the frame; EXIF comes before it."""
    offset, orientation = 2, 1
    for _ in range(MAX_PARTS):
        prefix, marker = file.unpack(">BB", offset)
        if prefix != 0xFF:
            raise damaged("a JPEG segment does not begin with a marker")
        if marker == 0xFF:  # fill byte
            offset += 1
            continue
        offset += 2
        if marker in _STANDALONE:
            continue
        if marker in (_END_OF_IMAGE, _START_OF_SCAN):
            break
        (length,) = file.unpack(">H", offset)
        if marker in _START_OF_FRAME:
            height, width = file.unpack(">HH", offset + 3)
            return Header(
                format=Format.JPEG,
                width=width,
                height=height,
                orientation=orientation,
                progressive=marker in _PROGRESSIVE,
            )
        if marker == _APP1 and orientation == 1:
            orientation = _exif_orientation(file.bytes(offset + 2, max(length - 2, 0)))
        offset += max(length, 2)
    raise damaged("the JPEG has no frame")


def _exif_orientation(segment: bytes) -> int:
    return tiff.orientation(segment[6:]) if segment.startswith(b"Exif\0\0") else 1
