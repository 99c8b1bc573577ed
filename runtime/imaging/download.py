"""The body of a GetObject, downloaded only as far as it is read."""

from typing import Protocol

CHUNK = 64 * 1024


class Body(Protocol):
    """The part of botocore's StreamingBody that is used here."""

    def read(self, amt: int | None = None, /) -> bytes:
        """Read at most `amt` bytes, or all that are left if it is None."""

    def close(self) -> None:
        """Close the stream; close its connection too, unless the stream was read to the end."""


class Download:
    """A body that can be read by offset, so that usually only 64 KiB of a rejected file are downloaded."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._data = bytearray()

    def read(self, offset: int, length: int) -> bytes:
        """Read as `runtime.imaging.probe.Read` describes."""
        while len(self._data) < offset + length:
            chunk = self._body.read(CHUNK)
            if not chunk:
                break
            self._data += chunk
        return bytes(self._data[offset : offset + length])

    def rest(self) -> bytes:
        """Return the whole body; afterwards nothing can be read by offset."""
        parts = [bytes(self._data), self._body.read()]
        self._data.clear()
        return b"".join(parts)
