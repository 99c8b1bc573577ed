"""The body of a GetObject, read only as far as somebody looks."""

from typing import Protocol

CHUNK = 64 * 1024


class Body(Protocol):
    """botocore's StreamingBody, as far as it is used here."""

    def read(self, amt: int | None = None, /) -> bytes:
        """Read that many bytes, or all that are left."""

    def close(self) -> None:
        """Give the connection back."""


class Download:
    """A body that can be looked at by offset: a refused file costs its first 64 KiB, not all of it."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._data = bytearray()

    def read(self, offset: int, length: int) -> bytes:
        """As `runtime.imaging.probe.Read`."""
        while len(self._data) < offset + length:
            chunk = self._body.read(CHUNK)
            if not chunk:
                break
            self._data += chunk
        return bytes(self._data[offset : offset + length])

    def rest(self) -> bytes:
        """Return the whole body; nothing can be read by offset after that."""
        parts = [bytes(self._data), self._body.read()]
        self._data.clear()
        return b"".join(parts)
