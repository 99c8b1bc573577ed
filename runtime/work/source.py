"""The version of the source object that a job is about: a part of it, or all of it on disk."""

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
"""Nearly every header is in there; a TIFF may keep its directory at the end."""
MOST_BYTES = 8 * 1024 * 1024
"""Of one request: each that goes on asks for twice as much as the last, so that a few find any header."""
MOST_OF_A_HEADER = 64 * 1024 * 1024
"""Of all requests together: a directory that points to and fro would have the file read many times over."""


@dataclass(kw_only=True)
class Source:
    """s3: a boto3 client. Raises Rejected: SOURCE_GONE or UNREADABLE where S3 does not hand it out, DAMAGED
    for a header that has no end.
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
        """In bytes, as the event says it."""
        return self.event.size

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes: of the first part, of the part that was read last, or of a new one.

        A new part begins at a multiple of 64 KiB: what a directory points to often lies just before it.
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
        """Write all of it, by ranges at once. Raises Rejected TOO_MANY_BYTES over `most` bytes."""
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
            if error.response["Error"]["Code"] == "InvalidRange":  # it begins at the end, or behind it
                return b""
            raise unreadable(error) from error
        with closing(found["Body"]) as body:
            return bytes(body.read())
