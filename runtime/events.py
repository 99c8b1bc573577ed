"""Amazon S3's events as EventBridge delivers them, and the job id derived from an event."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

JOB_ID_DIGITS = 32
GONE = {"NoSuchKey", "NoSuchVersion", "404"}
"""Error codes for a version that does not exist (any more)."""


class Change(StrEnum):
    """What happened to the object."""

    CREATED = "created"
    DELETE_MARKER = "hidden"
    """A delete marker is now the current version."""
    VERSION_DELETED = "removed"
    """One version was deleted permanently."""


@dataclass(frozen=True, kw_only=True)
class ObjectEvent:
    """One event of the source bucket. size: in bytes; 0 for deletions, whose events have no size."""

    change: Change
    bucket: str
    key: str
    version_id: str
    sequencer: str
    size: int = 0

    @property
    def job_id(self) -> str:
        """The job id of this version of the source."""
        return job_id(self.bucket, self.key, self.version_id)

    @property
    def is_folder(self) -> bool:
        """Whether the key ends in a slash, as the console's "folders" do; the size does not matter."""
        return self.key.endswith("/")


def job_id(bucket: str, key: str, version_id: str) -> str:
    """Return the first 32 hex digits of sha256 over bucket, key and version, separated by NUL.

    Deterministic: repeated events of one version have the same id and write the same objects.
    """
    return hashlib.sha256(f"{bucket}\0{key}\0{version_id}".encode()).hexdigest()[:JOB_ID_DIGITS]


def parse_event(event: Mapping[str, Any]) -> ObjectEvent:
    """Parse an event as EventBridge delivers it; object keys in it are not URL-encoded.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    Raises ValueError when it is not an "Object Created" or "Object Deleted" of a versioned bucket.
    """
    try:
        detail, kind = event["detail"], event["detail-type"]
        described = detail["object"]
        return ObjectEvent(
            change=_change(kind, detail),
            bucket=detail["bucket"]["name"],
            key=described["key"],
            version_id=described["version-id"],
            sequencer=described["sequencer"],
            size=int(described.get("size", 0)),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"Not an S3 event of a versioned bucket: {error!r} is missing or unknown."
        ) from error


def _change(kind: str, detail: Mapping[str, Any]) -> Change:
    if kind == "Object Created":
        return Change.CREATED
    return {
        ("Object Deleted", "Delete Marker Created"): Change.DELETE_MARKER,
        ("Object Deleted", "Permanently Deleted"): Change.VERSION_DELETED,
    }[kind, detail.get("deletion-type", "")]


def is_newer(sequencer: str, than: str) -> bool:
    """Return whether one event of a key happened after another.

    Sequencers are hexadecimal, compared as text once the shorter is padded with zeros on the right:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    width = max(len(sequencer), len(than))
    return sequencer.upper().ljust(width, "0") > than.upper().ljust(width, "0")
