"""Stores of images: a bucket, or a folder for local trials."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from container.service.errors import NotFoundError, StoreError, UnreachableError
from runtime.imaging.download import Download
from runtime.imaging.header import Header
from runtime.imaging.limits import Limits
from runtime.imaging.opening import ready
from runtime.imaging.probe import check_pixels, probe
from runtime.rejection import check_bytes

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from container.service.settings import Settings

Admit = Callable[[int], object]
"""Called with the size before reading; raises if it does not fit in memory."""


def admit_all(_: int) -> None:
    """Admit any size."""


FETCHES = 8
"""Maximum number of sources that are fetched at the same time."""
_NO_ANSWER = "The image bucket cannot be reached."
_NONE = "There is no image with this name."
_MISSING = {"NoSuchKey", "404", "NoSuchVersion"}


@dataclass(frozen=True, kw_only=True)
class File:
    """An image file, repaired if decoders need it. version: changes whenever the content may have changed."""

    version: str
    header: Header
    data: bytes = field(repr=False)


class Store(Protocol):
    """Reads images by their key."""

    def fetch(self, key: str, admit: Admit = admit_all) -> File:
        """Fetch the file.

        Raises what `admit` raises, NotFoundError, StoreError, and Rejected for a file that exceeds the limits
        or cannot be opened as an image; for most such files, reading the first 64 KiB is enough.
        """

    def version(self, key: str) -> str:
        """Return the file's version without reading it. Raises NotFoundError and StoreError."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """An S3 bucket. Needs s3:GetObject, and s3:ListBucket so that a missing object gives 404 and not 403."""

    s3: "S3Client"
    name: str
    limits: Limits

    def fetch(self, key: str, admit: Admit = admit_all) -> File:
        """Fetch as `Store.fetch` describes; the version is S3's ETag."""
        try:
            found = self.s3.get_object(Bucket=self.name, Key=key)
            with closing(found["Body"]) as body:
                check_bytes(found["ContentLength"], self.limits.max_bytes)
                admit(found["ContentLength"])
                header, data = _read(Download(body), self.limits)
        except ClientError as error:
            raise _refused(error) from error
        except BotoCoreError as error:
            raise UnreachableError(_NO_ANSWER) from error
        return File(version=found["ETag"], header=header, data=data)

    def version(self, key: str) -> str:
        """Return the version as `Store.version` describes."""
        try:
            return self.s3.head_object(Bucket=self.name, Key=key)["ETag"]
        except ClientError as error:
            raise _refused(error) from error
        except BotoCoreError as error:
            raise UnreachableError(_NO_ANSWER) from error


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Files under a folder; symbolic links are not followed."""

    path: Path
    limits: Limits

    def fetch(self, key: str, admit: Admit = admit_all) -> File:
        """Fetch as `Store.fetch` describes; the version is modification time and size."""
        try:
            file, version, size = self._find(key)
            check_bytes(size, self.limits.max_bytes)
            admit(size)
            with file.open("rb") as body:
                header, data = _read(Download(body), self.limits)
        except (OSError, ValueError) as error:
            raise NotFoundError(_NONE) from error
        return File(version=version, header=header, data=data)

    def version(self, key: str) -> str:
        """Return the version as `Store.version` describes."""
        try:
            return self._find(key)[1]
        except (OSError, ValueError) as error:
            raise NotFoundError(_NONE) from error

    def _find(self, key: str) -> tuple[Path, str, int]:
        """Return the file's path, version and size."""
        root = self.path.resolve()
        file = (root / key).resolve()
        # One key per file: a/../b and b/ are not keys of b, and symbolic links are not followed.
        if not file.is_relative_to(root) or str(file.relative_to(root)) != key or not file.is_file():
            raise NotFoundError(_NONE)
        status = file.stat()
        return file, f'"{status.st_mtime_ns:x}-{status.st_size:x}"', status.st_size


def store_of(settings: "Settings") -> Store:
    """Return the store that the settings name: bucket or folder."""
    if settings.folder:
        return Folder(path=settings.folder, limits=settings.limits)
    import boto3  # a folder needs no AWS
    from botocore.config import Config

    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=FETCHES,
    )
    return Bucket(s3=boto3.client("s3", config=config), name=settings.source_bucket, limits=settings.limits)


def _refused(error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    if code in _MISSING:
        return NotFoundError(_NONE)
    in_trouble = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    kind = UnreachableError if in_trouble else StoreError
    return kind(f"The image bucket answers {code}.")


def _read(download: Download, limits: Limits) -> tuple[Header, bytes]:
    header = probe(download.read)
    check_pixels(header.width, header.height, header, limits)
    data, header = ready(download.rest(), header, limits)
    return header, data
