"""AVIF: boxes of ISO/IEC 14496-12, properties of ISO/IEC 23008-12 (https://aomediacodec.github.io/av1-avif/)."""

from collections.abc import Iterator

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers.reader import MAX_PARTS, Reader, damaged
from runtime.imaging.tones import Tones, of_code_points
from runtime.rejection import Rejected

Box = tuple[bytes, int, int]
"""Type, offset of the content, end."""
_SEQUENCE, _STILL = b"avis", b"avif"
_MONOCHROME = 0x10


def parse(file: Reader) -> Header:
    """Return the primary item's size and colours, the highest bit depth, and whether any item has alpha.

    Where nothing says which item is primary, the largest gives the size.

    Raises Rejected UNSUPPORTED_FORMAT for colours that cannot be converted.
    """
    meta = _inner(file, 0, 1 << 62, b"meta", 4)
    properties = _inner(file, *meta, b"iprp", 0)
    every = list(_boxes(file, *_inner(file, *properties, b"ipco", 0)))
    ours = _of_primary(file, meta, properties, every)
    width, height = _size(file, ours, every)
    depths = [file.bytes(at + 5, 1)[0] for kind, at, stop in every if kind == b"pixi" and stop > at + 5]
    tones, is_limited = _colours(file, ours)
    is_grey = any(kind == b"av1C" and file.bytes(at + 2, 1)[0] & _MONOCHROME for kind, at, _ in ours or every)
    return Header(
        format=Format.AVIF,
        width=width,
        height=height,
        bands=4 if any(kind == b"auxC" for kind, _, _ in every) else 3,
        bits=16 if max(depths, default=8) > 8 else 8,
        tones=tones,
        limited=is_grey and is_limited,
        grey=is_grey,
        patches=((8, _STILL),) if file.bytes(8, 4) == _SEQUENCE else (),
    )


def _size(file: Reader, ours: list[Box], every: list[Box]) -> tuple[int, int]:
    extents = [file.unpack(">II", at + 4) for kind, at, _ in ours or every if kind == b"ispe"]
    if not extents:
        raise damaged("the AVIF gives no size")
    width, height = max(extents, key=lambda extent: extent[0] * extent[1])
    for kind, at, _ in ours:
        if kind == b"clap":
            across, by, down, under = file.unpack(">IIII", at)
            width, height = min(width, across // max(1, by)), min(height, down // max(1, under))
        if kind == b"irot" and file.bytes(at, 1)[0] % 2:
            width, height = height, width
    return width, height


def _colours(file: Reader, ours: list[Box]) -> tuple[Tones | None, bool]:
    """Return the colours of `nclx`, and whether the range is limited."""
    kinds = [(file.bytes(at, 4), at) for kind, at, _ in ours if kind == b"colr"]
    has_profile = any(kind != b"nclx" for kind, _ in kinds)
    told = next((file.unpack(">HHHB", at + 4) for kind, at in kinds if kind == b"nclx"), None)
    if told is None:
        return None, False  # the default of MIAF, ISO/IEC 23000-22
    primaries, transfer, _, full = told
    return of_code_points("AVIF", primaries, transfer, has_profile=has_profile), not full & 0x80


def _of_primary(
    file: Reader, meta: tuple[int, int], properties: tuple[int, int], every: list[Box]
) -> list[Box]:
    """Return the properties associated with the primary item; none where the file names no such item."""
    try:
        start, _ = _inner(file, *meta, b"pitm", 0)
        (item,) = file.unpack(">I" if file.bytes(start, 1)[0] else ">H", start + 4)
        at, _ = _inner(file, *properties, b"ipma", 0)
        version, flags = file.unpack(">B2xB", at)
        (count,) = file.unpack(">I", at + 4)
        at += 8
        for _ in range(min(count, MAX_PARTS)):
            (of,) = file.unpack(">I" if version else ">H", at)
            (many,) = file.unpack(">B", at + (4 if version else 2))
            at += 5 if version else 3
            numbers = file.unpack(f">{many}{'H' if flags & 1 else 'B'}", at)
            at += many * (2 if flags & 1 else 1)
            if of == item:
                indices = (number & (0x7FFF if flags & 1 else 0x7F) for number in numbers)
                return [every[one - 1] for one in indices if 0 < one <= len(every)]
    except Rejected:
        pass
    return []


def _inner(file: Reader, start: int, end: int, name: bytes, header: int) -> tuple[int, int]:
    """Return where the content of a box begins and ends."""
    for kind, at, stop in _boxes(file, start, end):
        if kind == name:
            return at + header, stop
    raise damaged(f"the AVIF has no {name.decode()} box")


def _boxes(file: Reader, start: int, end: int) -> Iterator[Box]:
    """Yield each box in [start, end): its type, where its content begins, and where it ends."""
    for _ in range(MAX_PARTS):
        if start >= end:
            return
        size, kind = file.unpack(">I4s", start)
        content = start + 8
        if size == 1:
            (size,) = file.unpack(">Q", content)
            content += 8
        stop = start + size if size else end
        if stop < content:
            raise damaged("an AVIF box is shorter than its own header")
        yield kind, content, stop
        start = stop
