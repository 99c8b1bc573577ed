"""Headers that nobody writes by accident: long ones are read in little time, impossible values ignored."""

import pytest

from runtime.imaging.headers.jpeg import parse
from runtime.imaging.headers.reader import MAX_PARTS, Reader
from runtime.imaging.tones import PRIMARIES, of_numbers

FRAME = bytes.fromhex("ffd8 ffc0 0011 08 0040 0040 03 011100 021100 031100")


def test_fill_bytes_without_end_are_not_walked_to_the_end() -> None:
    data, read = FRAME + b"\xff" * 10 * MAX_PARTS, list[int]()

    def some(offset: int, length: int) -> bytes:
        read.append(offset)
        return data[offset : offset + length]

    assert parse(Reader(some)).width == 64
    assert max(read) < 3 * MAX_PARTS


@pytest.mark.parametrize("white", [(0.05334, 0.24555), (0.40416, 0.16778), (0.14969, 0.80257)])
def test_a_white_point_that_no_eye_could_adapt_to_is_ignored(white: tuple[float, float]) -> None:
    others = PRIMARIES[9][:6]
    assert of_numbers(1 / 2.2, (*others, *white)) is None
    assert of_numbers(1 / 2.2, (*others, 0.3127, 0.329)) is not None
