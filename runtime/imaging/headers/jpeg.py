"""JPEG: ITU-T T.81, https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1."""

import re
from collections.abc import Iterator
from contextlib import suppress

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers import tiff
from runtime.imaging.headers.reader import MAX_PARTS, Reader, damaged
from runtime.imaging.layouts import JPEG_BITS, JPEG_PROCESSES, not_read
from runtime.rejection import Rejected

_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_SCAN = re.compile(rb"\xff\xda\x00[\x08\x0a\x0c\x0e]([\x01-\x04])", re.DOTALL)
_JPEG_LS = 0xF7
MOST_BETWEEN = 65_536
_APP1, _END_OF_IMAGE, _START_OF_SCAN = 0xE1, 0xD9, 0xDA


def parse(file: Reader) -> Header:
    """Walk the segments to the frame header, which EXIF precedes, and from there to the first scan."""
    orientation = 1
    for marker, offset, length in _segments(file, 2):
        if marker == _START_OF_SCAN:
            break
        if marker in _START_OF_FRAME:
            precision, height, width, bands = file.unpack(">BHHB", offset + 2)
            _check_process(marker, precision)
            scan = _first_scan(file, offset + max(length, 2))
            return Header(
                format=Format.JPEG,
                width=width,
                height=height,
                orientation=orientation,
                progressive=marker in _PROGRESSIVE or (scan is not None and scan[1] < bands),
                bands=bands,
                samples=_samples(file, offset + 8, bands),
            )
        if marker == _APP1 and orientation == 1:
            orientation = _exif_orientation(file.bytes(offset + 2, max(length - 2, 0)))
    raise damaged("the JPEG has no frame")


def _segments(file: Reader, offset: int) -> Iterator[tuple[int, int, int]]:
    """Yield each segment's marker, offset after it, and length; the first scan is last. Raises Rejected."""
    for _ in range(MAX_PARTS):
        prefix, marker = file.unpack(">BB", offset)
        if prefix != 0xFF or marker == 0:  # bytes between segments, which every decoder skips
            offset = _next_marker(file, offset)
            continue
        if marker == 0xFF:  # fill byte
            offset += 1
            continue
        offset += 2
        if marker in _STANDALONE:
            continue
        if marker == _END_OF_IMAGE:
            return
        (length,) = file.unpack(">H", offset)
        yield marker, offset, length
        if marker == _START_OF_SCAN:
            return
        offset += max(length, 2)


def _next_marker(file: Reader, offset: int) -> int:
    """Return the offset of the next marker, skipping fewer than MOST_BETWEEN bytes of any kind."""
    between = file.some(offset + 1, MOST_BETWEEN)
    for at, byte in enumerate(between[:-1]):
        if byte == 0xFF and between[at + 1] not in (0, 0xFF):
            return offset + 1 + at
    raise damaged("a JPEG segment does not begin with a marker")


def _check_process(marker: int, precision: int) -> None:
    if marker not in JPEG_PROCESSES:
        name = {_JPEG_LS: "JPEG-LS", 0xCB: "lossless with arithmetic coding"}.get(marker, "hierarchical")
        raise not_read("JPEG", f"is {name}", "Save it as baseline or progressive JPEG")
    if precision != JPEG_BITS:
        raise not_read("JPEG", f"has {precision} bits a channel", "Save it with 8 bits, or as PNG or TIFF")


def _exif_orientation(segment: bytes) -> int:
    return tiff.orientation(segment[6:]) if segment.startswith(b"Exif\0\0") else 1


def _samples(file: Reader, offset: int, bands: int) -> float:
    """Return samples per pixel, by the sampling factors h and v: sum of h * v, divided by max h * max v."""
    factors = [file.bytes(offset + 3 * band + 1, 1)[0] for band in range(bands)]
    areas = [(factor >> 4) * (factor & 15) for factor in factors]
    most = max((factor >> 4 for factor in factors), default=0) * max(
        (factor & 15 for factor in factors), default=0
    )
    return sum(areas) / most if most else float(bands)


def _first_scan(file: Reader, offset: int) -> tuple[int, int] | None:
    """Return the first scan's offset and number of components; None if none can be found."""
    with suppress(Rejected):  # the decoder will report it
        for marker, at, _ in _segments(file, offset):
            if marker == _START_OF_SCAN:
                return at, file.bytes(at + 2, 1)[0]
    return None


def has_all_scans(data: bytes, bands: int) -> bool:
    """Return whether the scans contain every coefficient of every component to its last bit (G.1.1.1).

    Scans of thumbnails, in the segments before the first scan, do not count.
    """
    scan = _first_scan(Reader(lambda offset, length: data[offset : offset + length]), 2)
    done: dict[int, set[int]] = {}
    for found in _SCAN.finditer(data, scan[0] - 2 if scan else len(data)):
        count = found[1][0]
        rest = data[found.end() : found.end() + 2 * count + 3]
        if len(rest) < 2 * count + 3:
            return False
        first, last, bits = rest[2 * count :]
        if bits & 15 == 0 and first <= last < 64:
            for at in range(count):
                done.setdefault(rest[2 * at], set()).update(range(first, last + 1))
    return sum(len(one) == 64 for one in done.values()) >= bands
