"""PNG: https://www.w3.org/TR/png-3/#5PNG-file-signature."""

import zlib
from typing import NamedTuple

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers import tiff
from runtime.imaging.headers.reader import MAX_PARTS, Reader, damaged
from runtime.imaging.tones import Chromaticities, Tones, of_code_points, of_numbers

_BANDS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
"""Channels by colour type; a palette becomes RGB."""


def parse(file: Reader) -> Header:
    """Parse IHDR, which comes first, and chunks before IDAT for orientation, transparency and colours."""
    length, kind = file.unpack(">I4s", 8)
    if kind != b"IHDR" or length != 13:
        raise damaged("the PNG does not begin with IHDR")
    width, height, depth, colour_type, interlace = file.unpack(">IIBB2xB", 16)
    found = _before_the_pixels(file)
    return Header(
        format=Format.PNG,
        width=width,
        height=height,
        orientation=found.orientation,
        progressive=interlace == 1,
        bands=_BANDS.get(colour_type, 4) + found.is_transparent,
        bits=16 if depth == 16 else 8,
        tones=found.tones,
    )


def orientation_behind(tail: bytes) -> int:
    """Return the orientation in an eXIf chunk at the end of the file, where the specification allows one."""
    at = tail.rfind(b"eXIf")
    if at < 4:
        return 1
    length = int.from_bytes(tail[at - 4 : at], "big")
    chunk, crc = tail[at : at + 4 + length], tail[at + 4 + length : at + 8 + length]
    if len(crc) < 4 or zlib.crc32(chunk) != int.from_bytes(crc, "big"):
        return 1
    return tiff.orientation(chunk[4:])


class _Before(NamedTuple):
    orientation: int
    is_transparent: bool
    tones: Tones | None


def _before_the_pixels(file: Reader) -> _Before:
    """Return orientation, whether tRNS gives transparency, and colours described without a profile."""
    offset, orientation, seen = 33, 1, set()
    gamma, primaries, points = None, None, None
    for _ in range(MAX_PARTS):
        length, kind = file.unpack(">I4s", offset)
        seen.add(kind)
        match kind:
            case b"eXIf":
                orientation = tiff.orientation(file.bytes(offset + 8, min(length, 65_535)))
            case b"gAMA" if length == 4:
                gamma = file.unpack(">I", offset + 8)[0] / 100_000
            case b"cHRM" if length == 32:
                white, *others = (one / 100_000 for one in file.unpack(">8I", offset + 8))
                primaries = (*others[1:], white, others[0])
            case b"cICP" if length == 4:
                points = file.unpack(">BB", offset + 8)
            case b"IDAT" | b"IEND":
                break
        offset += length + 12
    if points:
        tones = of_code_points("PNG", *points, has_profile=b"iCCP" in seen)
    else:
        tones = None if b"sRGB" in seen else of_numbers(gamma or None, _sound(primaries))
    return _Before(orientation, b"tRNS" in seen, tones)


def _sound(primaries: tuple[float, ...] | None) -> Chromaticities | None:
    """Return the chromaticities if the primaries span a triangle; None if the values cannot be colours."""
    if primaries is None or not all(0 < one < 1 for one in primaries):
        return None
    xr, yr, xg, yg, xb, yb, xw, yw = primaries
    area = (xg - xr) * (yb - yr) - (xb - xr) * (yg - yr)
    return (xr, yr, xg, yg, xb, yb, xw, yw) if abs(area) > 0.01 else None
