"""Reads a zip archive while it is being written: entries are uncompressed, with their sizes after them.

libvips, using libarchive, writes this form: section 4.3 of
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import struct
import zlib
from collections.abc import Iterator

_LOCAL, _DESCRIPTOR = b"PK\x03\x04", b"PK\x07\x08"
_LOCAL_BYTES, _DESCRIPTOR_BYTES = 30, 16


class StoredZip:
    """Takes bytes as they arrive, and returns each file once it is complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield the names and contents of the files that `data` completes.

        Data after the last file is ignored.
        """
        self._buffer += data
        while found := self._next():
            yield found

    def _next(self) -> tuple[str, bytes] | None:
        buffer = self._buffer
        if len(buffer) < _LOCAL_BYTES or not buffer.startswith(_LOCAL):
            return None
        name_bytes, extra_bytes = struct.unpack_from("<HH", buffer, 26)
        begin = _LOCAL_BYTES + name_bytes + extra_bytes
        at = max(begin, self._searched)
        while (at := buffer.find(_DESCRIPTOR, at)) >= 0:
            if at + _DESCRIPTOR_BYTES > len(buffer):
                self._searched = at
                return None
            crc, size, original = struct.unpack_from("<III", buffer, at + 4)
            # These four bytes may occur in a picture, but not followed by the file's size and checksum.
            if size == original == at - begin:
                content = bytes(buffer[begin:at])
                if zlib.crc32(content) == crc:
                    name = bytes(buffer[_LOCAL_BYTES : _LOCAL_BYTES + name_bytes]).decode()
                    del buffer[: at + _DESCRIPTOR_BYTES]
                    self._searched = 0
                    return name, content
            at += 1
        self._searched = max(begin, len(buffer) - len(_DESCRIPTOR) + 1)
        return None
