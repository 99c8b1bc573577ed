"""Bounded reads of a header."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

from runtime.rejection import Reason, Rejected

MAX_PARTS = 2_000
"""Maximum segments, chunks, boxes or directory entries in a header; real files have a few dozen."""
_NO_FILE_IS_LARGER = 1 << 62


class Reader:
    """Reads a file by offset; `bytes` and `unpack` reject a file that ends too early."""

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self._read = read

    def bytes(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes at `offset`. Raises Rejected TRUNCATED when there are fewer."""
        data = self._read(offset, length) if offset < _NO_FILE_IS_LARGER else b""
        if len(data) < length:
            raise Rejected(
                Reason.TRUNCATED, "The file ends inside its header. Upload it again from the original."
            )
        return data

    def some(self, offset: int, most: int) -> Sequence[int]:
        """Return up to `most` bytes, fewer at the end of the file."""
        return self._read(offset, most)

    def unpack(self, layout: str, offset: int) -> tuple[Any, ...]:
        """Apply `struct.unpack` at `offset`. Raises Rejected TRUNCATED."""
        return struct.unpack(layout, self.bytes(offset, struct.calcsize(layout)))


def damaged(what: str) -> Rejected:
    """Return the rejection of a header that contradicts its format."""
    return Rejected(Reason.DAMAGED, f"The header is damaged: {what}. Upload it again from the original.")
