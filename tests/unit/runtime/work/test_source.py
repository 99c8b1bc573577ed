"""Reading a header takes few requests to S3, wherever its parts lie in the file."""

import io
import struct
from collections.abc import Callable
from typing import Any

import pytest

from runtime.events import parse_event
from runtime.imaging.probe import probe
from runtime.rejection import Rejected
from runtime.work.source import HEAD_BYTES, Source
from tests.support.events import s3_event
from tests.support.images import corners, encode, noise


class Bucket:
    """A bucket with one object, which records the ranges that it is asked for."""

    def __init__(self, data: bytes) -> None:
        self.data, self.asked = data, list[tuple[int, int]]()

    def get_object(self, *, Range: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        first, last = (int(one) for one in Range.removeprefix("bytes=").split("-"))
        self.asked.append((first, last))
        return {"Body": io.BytesIO(self.data[first : last + 1])}


def opened(data: bytes) -> tuple[Source, Bucket]:
    bucket: Any = Bucket(data)
    return Source(s3=bucket, event=parse_event(s3_event("a", size=len(data)))), bucket


def with_segments(number: int) -> bytes:
    """Return a JPEG with `number` segments of 65 KB, such as those of a large colour profile."""
    photo = encode(corners(600, 400), ".jpg")
    segment = b"\xff\xe2" + struct.pack(">H", 65_000) + bytes(64_998)
    return photo[:2] + number * segment + photo[2:]


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda: encode(noise(2000, 1500), ".tif"), 3),
        (lambda: encode(noise(2000, 1500), ".tif", tile=True, pyramid=True), 6),
        (lambda: with_segments(300), 10),
    ],
    ids=["tiff", "pyramid", "300 segments"],
)
def test_a_header_takes_a_few_requests(make: Callable[[], bytes], most: int) -> None:
    source, bucket = opened(make())
    probe(source.read)
    assert len(bucket.asked) <= most


def test_any_range_gives_the_bytes_of_the_object() -> None:
    data = bytes(noise(1000, 1000).write_to_memory())
    source, _ = opened(data)
    position = 7
    for step in range(200):
        length = 1 + step * 97 % (3 * HEAD_BYTES)
        assert source.read(position, length) == data[position : position + length]
        position = position * 31 % len(data)
    assert source.read(len(data) - 3, 10) == data[-3:]
    assert source.read(len(data) + 10, 10) == b""


def test_a_header_whose_parts_are_too_scattered_is_rejected() -> None:
    source, bucket = opened(bytes(200 * 1024 * 1024))
    far = 190 * 1024 * 1024

    def read_to_and_fro() -> None:
        for step in range(10_000):
            source.read(far - step * HEAD_BYTES if step % 2 else far // 2 + step * HEAD_BYTES, 12)

    with pytest.raises(Rejected, match="scattered"):
        read_to_and_fro()
    assert sum(last + 1 - first for first, last in bucket.asked) < 70 * 1024 * 1024
