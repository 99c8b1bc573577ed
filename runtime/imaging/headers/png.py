"""PNG: https://www.w3.org/TR/png-3/#5PNG-file-signature."""

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers import tiff
from runtime.imaging.headers.reader import MAX_PARTS, Reader, damaged

_BANDS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
"""By the colour type; a palette becomes RGB."""


def parse(file: Reader) -> Header:
    """IHDR comes first; eXIf, where there is one, may stand before the pixels."""
    length, kind = file.unpack(">I4s", 8)
    if kind != b"IHDR" or length != 13:
        raise damaged("the PNG does not begin with IHDR")
    width, height, depth, colour_type, interlace = file.unpack(">IIBB2xB", 16)
    orientation, is_transparent = _before_the_pixels(file)
    return Header(
        format=Format.PNG,
        width=width,
        height=height,
        orientation=orientation,
        progressive=interlace == 1,
        bands=_BANDS.get(colour_type, 4) + is_transparent,
        bits=16 if depth == 16 else 8,
    )


def _before_the_pixels(file: Reader) -> tuple[int, bool]:
    """The orientation, and whether some colour stands for transparent."""
    offset, orientation, is_transparent = 33, 1, False
    for _ in range(MAX_PARTS):
        length, kind = file.unpack(">I4s", offset)
        if kind == b"eXIf":
            orientation = tiff.orientation(file.bytes(offset + 8, min(length, 65_535)))
        if kind == b"tRNS":
            is_transparent = True
        if kind in (b"IDAT", b"IEND"):
            break
        offset += length + 12
    return orientation, is_transparent
