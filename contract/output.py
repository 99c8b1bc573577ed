"""Where results go: immutable objects under `v/{job_id}/`, and a pointer a key that only moves forward."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from contract.source import Change, ObjectEvent, is_newer

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

FOR_EVER = "public, max-age=31536000, immutable"
MAX_KEY_BYTES = 1024
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""
DELETED_TAG = "state=deleted"
"""The output bucket's lifecycle removes tombstones by this tag."""

Pointer = Mapping[str, Any]
_LOST_THE_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}
_RACES = 10


def version_prefix(job_id: str) -> str:
    return f"v/{job_id}/"


def manifest_key(job_id: str) -> str:
    return f"v/{job_id}/manifest.json"


def rejection_key(job_id: str) -> str:
    return f"rejected/{job_id}.json"


def pointer_key(key: str) -> str:
    """`latest/{key, percent-encoded}.json`; a key too long for that goes by its sha256.

    "=" is never left unencoded in a key, so the two kinds cannot meet.
    """
    encoded = f"latest/{quote(key)}.json"
    if len(encoded) <= MAX_KEY_BYTES:
        return encoded
    return f"latest/=sha256/{hashlib.sha256(key.encode()).hexdigest()}.json"


@dataclass(frozen=True, kw_only=True)
class Output:
    """The output bucket of one pattern."""

    s3: "S3Client"
    bucket: str

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Stores part of a result; its key names the source version, so caches may keep it for ever."""
        self.s3.put_object(
            Bucket=self.bucket, Key=key, Body=data, ContentType=media_type, CacheControl=FOR_EVER
        )

    def publish(self, event: ObjectEvent, manifest: Mapping[str, Any]) -> bool:
        """Stores the manifest of a finished job, then moves the key's pointer to it.

        False when the pointer already is at this event or a newer one; if that one is a deletion,
        the result is removed again. So a reader sees a whole result or the one before.
        """
        document = {**manifest, "job_id": event.job_id, "sequencer": event.sequencer}
        self.put(manifest_key(event.job_id), _json(document), "application/json")
        moved, before = self._move_pointer(event.key, document, when=_older_than(event))
        if not moved and before and before.get("state") == "deleted":
            self.remove(event.job_id)
        return moved

    def reject(self, event: ObjectEvent, reason: str, message: str) -> None:
        """Records why a source version cannot be done. The pointer stays where it is."""
        record = {
            "job_id": event.job_id,
            "source": source_of(event),
            "reason": reason,
            "message": message,
        }
        self._put_json(rejection_key(event.job_id), record)

    def delete(self, event: ObjectEvent) -> None:
        """Follows a deletion in the source: the results are removed and the pointer becomes a tombstone,
        so that an older event that arrives late cannot bring the picture back.

        A delete marker hides the key whatever it showed; the removal of one version matters to the pointer
        only while it shows that version.
        """
        tombstone = {"state": "deleted", "sequencer": event.sequencer}
        if event.change is Change.REMOVED:
            self._move_pointer(event.key, tombstone, when=_shows(event), tagging=DELETED_TAG)
            self.remove(event.job_id)
            return
        moved, before = self._move_pointer(event.key, tombstone, when=_older_than(event), tagging=DELETED_TAG)
        if moved and before and "job_id" in before:
            self.remove(before["job_id"])

    def remove(self, job_id: str) -> None:
        """Removes all that a job stored under its own id."""
        keys = [rejection_key(job_id)]
        for page in self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=version_prefix(job_id)
        ):
            keys += [item["Key"] for item in page.get("Contents", [])]
        for key in keys:
            self.s3.delete_object(Bucket=self.bucket, Key=key)

    def _move_pointer(
        self, key: str, document: Pointer, *, when: Callable[[Pointer | None], bool], tagging: str = ""
    ) -> tuple[bool, Pointer | None]:
        """Replaces the pointer of `key` if `when` allows it; returns whether it did, and the one before."""
        for _ in range(_RACES):
            before, etag = self._pointer(key)
            if not when(before):
                return False, before
            condition = {"IfMatch": etag} if before else {"IfNoneMatch": "*"}
            try:
                self._put_json(
                    pointer_key(key), document, **condition, **({"Tagging": tagging} if tagging else {})
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _LOST_THE_RACE:
                    raise
            else:
                return True, before
        raise RuntimeError(f"The pointer of {key!r} changed {_RACES} times while it was written.")

    def _pointer(self, key: str) -> tuple[Pointer | None, str]:
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=pointer_key(key))
        except self.s3.exceptions.NoSuchKey:
            return None, ""
        return json.loads(found["Body"].read()), found["ETag"]

    def _put_json(self, key: str, document: Mapping[str, Any], **options: Any) -> None:
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=_json(document),
            ContentType="application/json",
            CacheControl="no-cache",
            **options,
        )


def source_of(event: ObjectEvent) -> dict[str, Any]:
    """How manifests and rejections name their source."""
    return {"bucket": event.bucket, "key": event.key, "version_id": event.version_id, "bytes": event.size}


def _older_than(event: ObjectEvent) -> Callable[[Pointer | None], bool]:
    return lambda pointer: pointer is None or is_newer(event.sequencer, pointer["sequencer"])


def _shows(event: ObjectEvent) -> Callable[[Pointer | None], bool]:
    return lambda pointer: pointer is not None and pointer.get("job_id") == event.job_id


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode()
