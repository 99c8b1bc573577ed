"""Reading of a job's source version: parts of it, or all of it to disk."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from runtime.events import ObjectEvent
from runtime.rejection import Reason, Rejected, check_bytes
from runtime.unreadable import unreadable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

HEAD_BYTES = 64 * 1024
"""Size of the first read, which contains nearly every header; a TIFF's directory may be at the end."""
MOST_BYTES = 8 * 1024 * 1024
"""Maximum read-ahead in bytes; sequential requests double in size up to it, unless one read needs more."""
MOST_OF_A_HEADER = 64 * 1024 * 1024
"""Maximum bytes of all parts together; else a directory that points back and forth would be read for ever."""


@dataclass(kw_only=True)
class Source:
    """A source version. s3: a boto3 client.

    Raises Rejected: SOURCE_GONE or UNREADABLE if S3 does not return the version, DAMAGED if its header is
    scattered over too much of the file.
    """

    s3: "S3Client"
    event: ObjectEvent
    _head: bytes | None = field(default=None, init=False)
    _begin: int = field(default=0, init=False)
    _part: bytes = field(default=b"", init=False)
    _ask: int = field(default=HEAD_BYTES, init=False)
    _asked: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        """The size in bytes, from the event."""
        return self.event.size

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes, from the first part, the part read last, or a new one.

        A new part begins at a multiple of 64 KiB: data that a directory points to often lies just before the
        directory.
        """
        if self._head is None:
            self._head = self._range(0, HEAD_BYTES)
        if offset + length <= len(self._head) or len(self._head) < HEAD_BYTES:
            return self._head[offset : offset + length]
        if not (self._begin <= offset and offset + length <= self._begin + len(self._part)):
            begin = offset - offset % HEAD_BYTES
            self._ask = min(2 * self._ask, MOST_BYTES) if begin > self._begin else HEAD_BYTES
            self._begin, self._part = begin, self._range(begin, max(offset + length - begin, self._ask))
            self._asked += len(self._part)
            if self._asked > MOST_OF_A_HEADER:
                raise Rejected(Reason.DAMAGED, "Its header is scattered over too much of the file.")
        return self._part[offset - self._begin : offset - self._begin + length]

    def download(self, file: Path, most: int) -> None:
        """Download the whole file in parallel ranges. Raises Rejected TOO_MANY_BYTES above `most` bytes."""
        bucket, key, version = self.event.bucket, self.event.key, self.event.version_id
        try:
            found = self.s3.head_object(Bucket=bucket, Key=key, VersionId=version)
            check_bytes(found["ContentLength"], most)
            self.s3.download_file(bucket, key, str(file), ExtraArgs={"VersionId": version})
        except ClientError as error:
            raise unreadable(error) from error

    def _range(self, offset: int, length: int) -> bytes:
        try:
            found = self.s3.get_object(
                Bucket=self.event.bucket,
                Key=self.event.key,
                VersionId=self.event.version_id,
                Range=f"bytes={offset}-{offset + length - 1}",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidRange":  # it begins at or beyond the end
                return b""
            raise unreadable(error) from error
        with closing(found["Body"]) as body:
            return bytes(body.read())
