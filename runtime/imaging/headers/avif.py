"""AVIF: boxes of ISO/IEC 14496-12, properties of ISO/IEC 23008-12 (https://aomediacodec.github.io/av1-avif/)."""

from collections.abc import Iterator

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers.reader import MAX_PARTS, Reader, damaged


def parse(file: Reader) -> Header:
    """The largest spatial extent (`ispe`): the whole of a grid, never one of its cells or the thumbnail."""
    start, end = 0, 1 << 62
    for name, header in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        found = next(
            ((at + header, stop) for kind, at, stop in _boxes(file, start, end) if kind == name), None
        )
        if found is None:
            raise damaged(f"the AVIF has no {name.decode()} box")
        start, end = found
    properties = list(_boxes(file, start, end))
    extents = [file.unpack(">II", at + 4) for kind, at, _ in properties if kind == b"ispe"]
    if not extents:
        raise damaged("the AVIF gives no size")
    width, height = max(extents, key=lambda extent: extent[0] * extent[1])
    depths = [file.bytes(at + 5, 1)[0] for kind, at, stop in properties if kind == b"pixi" and stop > at + 5]
    has_alpha = any(kind == b"auxC" for kind, _, _ in properties)
    return Header(
        format=Format.AVIF,
        width=width,
        height=height,
        bands=4 if has_alpha else 3,
        bits=16 if max(depths, default=8) > 8 else 8,
    )


def _boxes(file: Reader, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte of the content and end of each box in [start, end)."""
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
