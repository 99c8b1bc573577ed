"""PNG: https://www.w3.org/TR/png-3/#5PNG-file-signature."""

from imaging.formats import Format
from imaging.header import Header
from imaging.headers import tiff
from imaging.headers.reader import MAX_PARTS, Reader, damaged


def parse(file: Reader) -> Header:
    """IHDR comes first; eXIf, where there is one, may stand before the pixels."""
    length, kind = file.unpack(">I4s", 8)
    if kind != b"IHDR" or length != 13:
        raise damaged("the PNG does not begin with IHDR")
    width, height, interlace = file.unpack(">II4xB", 16)
    return Header(
        format=Format.PNG,
        width=width,
        height=height,
        orientation=_orientation(file),
        progressive=interlace == 1,
    )


def _orientation(file: Reader) -> int:
    offset = 33
    for _ in range(MAX_PARTS):
        length, kind = file.unpack(">I4s", offset)
        if kind == b"eXIf":
            return tiff.orientation(file.bytes(offset + 8, min(length, 65_535)))
        if kind in (b"IDAT", b"IEND"):
            break
        offset += length + 12
    return 1
