"""TIFFs of any layout, also those of cameras, scanners and GIS software, which no library here writes."""

import itertools
import struct
import zlib
from collections.abc import Sequence

WIDTH, HEIGHT, SIDE = 96, 64, 16
Pixel = tuple[int, ...]
Entry = tuple[int, int, Sequence[int]]
"""Tag, type (1 BYTE, 2 ASCII, 3 SHORT, 4 LONG) and values."""
_SIZES = {1: "B", 2: "B", 3: "H", 4: "I"}


def tiff(
    left: Pixel,
    right: Pixel,
    *,
    photometric: int = 2,
    layout: str = "B",
    extras: Sequence[int] | None = None,
    planar: bool = False,
    tiled: bool = False,
    deflate: bool = False,
    codec: int = 0,
    more: Sequence[Entry] = (),
) -> bytes:
    """Return a picture of two halves, with its directory before its pixels.

    layout: format of a sample, as in `struct`; codec: the compression claimed, if not the true one.
    """
    samples, bits = len(left), 8 * struct.calcsize(layout)
    formats = {"f": 3, "d": 3, "b": 2, "h": 2, "i": 2}.get(layout, 1)
    planes = [(at,) for at in range(samples)] if planar else [tuple(range(samples))]

    def block(channels: Sequence[int], x: int, y: int, width: int, height: int) -> bytes:
        row = b"".join(
            struct.pack(f"<{layout}", (left if at < WIDTH // 2 else right)[one])
            for at in range(x, x + width)
            for one in channels
        )
        return row * height

    if tiled:
        places = [(x, y, SIDE, SIDE) for y in range(0, HEIGHT, SIDE) for x in range(0, WIDTH, SIDE)]
    else:
        places = [(0, y, WIDTH, SIDE) for y in range(0, HEIGHT, SIDE)]
    blocks = [block(channels, *place) for channels in planes for place in places]
    blocks = [zlib.compress(one) if deflate else one for one in blocks]
    where, sizes = (324, 325) if tiled else (273, 279)
    entries: list[Entry] = [
        (256, 3, [WIDTH]),
        (257, 3, [HEIGHT]),
        (258, 3, [bits] * samples),
        (259, 3, [codec or (8 if deflate else 1)]),
        (262, 3, [photometric]),
        (where, 4, [0] * len(blocks)),
        (277, 3, [samples]),
        (sizes, 4, [len(one) for one in blocks]),
        (284, 3, [2 if planar else 1]),
        *([(322, 3, [SIDE]), (323, 3, [SIDE])] if tiled else [(278, 3, [SIDE])]),
        *([(338, 3, extras)] if extras is not None else []),
        (339, 3, [formats] * samples),
        *more,
    ]
    head = _directory(sorted(entries))
    ends = itertools.accumulate(map(len, blocks), initial=len(head))
    offsets = (where, 4, [*ends][:-1])
    entries = sorted(one if one[0] != where else offsets for one in entries)
    return _directory(entries) + b"".join(blocks)


def _directory(entries: Sequence[Entry]) -> bytes:
    """Return the header, the directory and its values."""
    start = 8
    after = start + 2 + 12 * len(entries) + 4
    directory, values = struct.pack("<H", len(entries)), b""
    for tag, kind, found in entries:
        letter = _SIZES.get(kind, "I")
        packed = struct.pack(f"<{len(found)}{letter}", *found)
        if len(packed) > 4:
            directory += struct.pack("<HHII", tag, kind, len(found), after + len(values))
            values += packed + b"\0" * (len(packed) % 2)
        else:
            directory += struct.pack("<HHI", tag, kind, len(found)) + packed.ljust(4, b"\0")
    head = struct.pack("<2sHI", b"II", 42, start)
    return head + directory + struct.pack("<I", 0) + values
