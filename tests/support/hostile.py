"""Malicious and damaged files, made by code from a seed, so that a failure can be reproduced.

`python -m tests.support.hostile SEED NUMBER FILE` writes one of them.
"""

import random
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.images import corners, encode, noise

KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    (".jpg", {}),
    (".jpg", {"interlace": True}),
    (".png", {}),
    (".png", {"interlace": True}),
    (".webp", {}),
    (".webp", {"lossless": True}),
    (".gif", {}),
    (".tif", {}),
    (".tif", {"tile": True, "pyramid": True, "compression": "jpeg"}),
    (".tif", {"bigtiff": True, "compression": "deflate"}),
    (".avif", {"effort": 0}),
)
CUTS = 20


@cache
def seed_files() -> tuple[bytes, ...]:
    """Return two small images of each kind: noise, and four plain quarters."""
    images = [noise(160, 120), corners(160, 120)]
    return tuple(encode(image, suffix, **options) for suffix, options in KINDS for image in images)


def truncated(dice: random.Random) -> bytes:
    data = dice.choice(seed_files())
    return data[: len(data) * dice.randrange(CUTS) // CUTS]


def flipped(dice: random.Random) -> bytes:
    data = bytearray(dice.choice(seed_files()))
    for _ in range(dice.choice((1, 1, 3, 30))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def flipped_in_the_header(dice: random.Random) -> bytes:
    data = bytearray(dice.choice(seed_files()))
    for _ in range(dice.choice((1, 2, 8))):
        data[dice.randrange(min(64, len(data)))] = dice.randrange(256)
    return bytes(data)


def forged_size(dice: random.Random) -> bytes:
    """Replace the first one or two occurrences of the true width (160) and height (120), in each layout."""
    data = dice.choice(seed_files())
    for true in (160, 120):
        false = dice.choice((0, 1, 16_383, 65_535, 65_500, dice.randrange(65_536)))
        for layout in (">H", "<H", ">I", "<I"):
            data = data.replace(struct.pack(layout, true), struct.pack(layout, false), dice.choice((1, 2)))
    return data


def repeated(dice: random.Random) -> bytes:
    data = dice.choice(seed_files())
    start, length = dice.randrange(len(data)), dice.choice((1, 12, 100, 1000))
    return data[:start] + data[start : start + length] * dice.choice((2, 100)) + data[start + length :]


def removed(dice: random.Random) -> bytes:
    data = dice.choice(seed_files())
    start = dice.randrange(len(data))
    return data[:start] + data[start + dice.choice((1, 4, 50)) :]


def polyglot(dice: random.Random) -> bytes:
    first, second = dice.choice(seed_files()), dice.choice(seed_files())
    return first[: dice.choice((4, 12, 64, len(first)))] + second


@cache
def zeros(count: int) -> bytes:
    return zlib.compress(bytes(count), 9)


def png_bomb(dice: random.Random) -> bytes:
    """Return a PNG, huge or small in pixels, whose data unpack to about a thousand times their size."""
    width, height = dice.choice(
        ((65_500, 65_500), (100_000, 1), (1, 100_000), (9_000, 9_000), (2**31 - 1, 2**31 - 1))
    )
    rows = zeros(dice.choice((10**6, 20 * 10**6)))
    chunks = [
        (
            b"IHDR",
            struct.pack(">IIBBBBB", width, height, dice.choice((1, 8, 16)), dice.choice((0, 2, 6)), 0, 0, 0),
        )
    ]
    if dice.random() < 0.5:
        chunks.append((dice.choice((b"iCCP", b"zTXt", b"iTXt")), b"name\0\0" + zeros(50 * 10**6)))
    chunks += [(b"IDAT", rows), (b"IEND", b"")]
    body = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def gif_of_many_frames(dice: random.Random) -> bytes:
    width, height = dice.choice(((65_535, 65_535), (500, 500), (64, 64)))
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0x80, 0, 0)
        + bytes(6)
        + frame * dice.choice((1, 1, 1, 300))
        + b";"
    )


def tiff_that_loops(dice: random.Random) -> bytes:
    """Return a TIFF of random entries, whose directory may follow itself or lie beyond the file's end."""
    entries = [
        (
            dice.choice((254, 256, 257, 258, 259, 262, 273, 277, 278, 279, 322, 330, 34_665)),
            dice.randrange(14),
        )
        for _ in range(9)
    ]
    body = b"".join(
        struct.pack("<HHII", tag, kind, dice.choice((1, 2**31)), dice.choice((1, 64, 8, 2**32 - 1)))
        for tag, kind in entries
    )
    start = dice.choice((8, 8, 8, 2**32 - 2))
    return (
        b"II*\0"
        + struct.pack("<IH", start, len(entries))
        + body
        + struct.pack("<I", dice.choice((0, 8)))
        + bytes(2_000)
    )


def svg(dice: random.Random) -> bytes:
    inside = dice.choice((b"<!---->" * 60, b'<!ENTITY a "&b;&b;">' * 20, b" " * 400))
    return (
        b"<?xml version='1.0'?>"
        + inside
        + b"<svg xmlns='http://www.w3.org/2000/svg' width='1e9' height='1e9'/>"
    )


def noise_after_a_signature(dice: random.Random) -> bytes:
    start = dice.choice(seed_files())[: dice.choice((3, 8, 12, 30))]
    return start + dice.randbytes(dice.choice((0, 1, 100, 5_000)))


def nothing_much(dice: random.Random) -> bytes:
    return dice.choice(
        (b"", b"\0", b"\xff\xd8\xff", b"hello", bytes(10_000), dice.randbytes(100), b"\xff" * 70_000)
    )


ATTACKS: tuple[Callable[[random.Random], bytes], ...] = (
    truncated,
    flipped,
    flipped_in_the_header,
    forged_size,
    repeated,
    removed,
    polyglot,
    png_bomb,
    gif_of_many_frames,
    tiff_that_loops,
    svg,
    noise_after_a_signature,
    nothing_much,
)


def hostile(seed: int, number: int) -> bytes:
    """Return one file: the same for the same two numbers."""
    attack = ATTACKS[number % len(ATTACKS)]
    return attack(random.Random(f"{seed} {number}"))


def corpus(seed: int, count: int) -> Iterator[tuple[int, bytes]]:
    """Yield `count` files with their numbers, taking the attacks in turn."""
    for number in range(count):
        yield number, hostile(seed, number)


if __name__ == "__main__":
    Path(sys.argv[3]).write_bytes(hostile(int(sys.argv[1]), int(sys.argv[2])))
