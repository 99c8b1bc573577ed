"""Publishing: immutable objects under `v/{job_id}/`, and one pointer per key that only moves forward."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from botocore.exceptions import ClientError

from runtime.contention import ContentionError
from runtime.events import GONE, Change, ObjectEvent, is_newer
from runtime.rejection import Reason

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from runtime.slim_s3 import S3

EDGE_SECONDS = 24 * 3600
"""How long shared caches may keep a result, should they miss its removal."""
FOR_EVER = f"public, max-age=31536000, s-maxage={EDGE_SECONDS}, immutable"
"""Cache-Control of immutable objects: a year for browsers, EDGE_SECONDS for shared caches."""
MAX_KEY_BYTES = 1024
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""
DELETED_TAG = "state=deleted"
"""The tag by which the output bucket's lifecycle deletes tombstones."""

Document = Mapping[str, Any]
_LOST_THE_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}
_RACES = 10


def version_prefix(job_id: str) -> str:
    """Return the key prefix of a result."""
    return f"v/{job_id}/"


def manifest_key(job_id: str) -> str:
    """Return the key of the manifest, which describes a result."""
    return f"v/{job_id}/manifest.json"


def rejection_key(job_id: str) -> str:
    """Return the key of the document that says why a source was rejected."""
    return f"rejected/{job_id}.json"


def pointer_key(key: str) -> str:
    """Return `latest/{key, percent-encoded}.json`, or `latest/=sha256/{digest}.json` if that is too long.

    "=" is always encoded in a key, so the two kinds cannot collide.
    """
    encoded = f"latest/{quote(key)}.json"
    if len(encoded) <= MAX_KEY_BYTES:
        return encoded
    return f"latest/=sha256/{hashlib.sha256(key.encode()).hexdigest()}.json"


def source_of(event: ObjectEvent) -> dict[str, Any]:
    """Return the source as manifests and rejections name it."""
    return {"bucket": event.bucket, "key": event.key, "version_id": event.version_id, "bytes": event.size}


@dataclass(frozen=True, kw_only=True)
class Output:
    """The output bucket of one pattern.

    small: client for data in memory; `s3` by default.
    pause: waits between tries of a conditional write; `time.sleep` by default.
    withdrawn: called with the job's id before its results are removed, and again afterwards, to clear caches.
    """

    s3: "S3 | S3Client"
    bucket: str
    small: "S3 | None" = None
    pause: Callable[[float], None] = time.sleep
    withdrawn: Callable[[str], None] = lambda _job_id: None

    def put_part(self, key: str, data: "bytes | BinaryIO", media_type: str, **condition: str) -> None:
        """Store a part of a result; its key contains the job's id, so caches may keep it for a long time."""
        client = self.small if self.small and isinstance(data, bytes) else self.s3
        client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=data,
            ContentType=media_type,
            CacheControl=FOR_EVER,
            **condition,  # type: ignore[arg-type]
        )

    def publish(self, event: ObjectEvent, manifest: Document) -> bool:
        """Store the manifest of a finished job, then move the key's pointer to it.

        Readers see either the whole result or the previous one. Returns False when the key already shows
        a newer version or a deletion; after a deletion, the result is removed again.
        """
        document = {**manifest, "job_id": event.job_id, "sequencer": event.sequencer}
        return self._show(event, self._store_manifest(document))

    def publish_again(self, event: ObjectEvent) -> bool | None:
        """Show again what was published before, and return what `publish` would; None if nothing was.

        A repeated event thus changes no byte that caches may hold for a year, and repeats no work.
        """
        document, _ = self._read(manifest_key(event.job_id))
        return self._show(event, document) if document else None

    def _show(self, event: ObjectEvent, document: Document) -> bool:
        """Move the key's pointer to the document unless the pointer is newer.

        Returns whether the pointer now shows the job. The pointer gets the newer of the event's and
        document's sequencers, which differ after a backfill.
        """
        newer = is_newer(event.sequencer, document["sequencer"])
        shown = {**document, "sequencer": event.sequencer} if newer else document
        pointer = self._move_pointer(event.key, lambda now: shown if _is_older_than(now, event) else None)
        self._delete(rejection_key(event.job_id))
        if pointer and pointer.get("state") == "deleted":
            self._withdraw(event.job_id)
        return pointer is not None and pointer.get("job_id") == event.job_id

    def reject(self, event: ObjectEvent, reason: str, message: str) -> None:
        """Record why a version was rejected, unless it was published. If it is gone, remove its results."""
        if reason == Reason.SOURCE_GONE:
            self.apply_deletion(replace(event, change=Change.VERSION_DELETED))
        if not self.is_published(event.job_id):
            why = {"reason": reason, "message": message}
            record = {"job_id": event.job_id, "source": source_of(event), **why}
            self._put_json(rejection_key(event.job_id), record)

    def apply_deletion(self, event: ObjectEvent) -> None:
        """Remove results and replace the pointer with a tombstone, so that a late event cannot restore them.

        A delete marker hides the key whatever it showed. The deletion of one version affects the pointer only
        while it shows that version; the tombstone keeps the pointer's sequencer, as newer events may arrive.
        """
        if event.change is Change.VERSION_DELETED:
            self._move_pointer(event.key, lambda now: _tombstone_for_version(now, event), DELETED_TAG)
            self._withdraw(event.job_id)
            return
        pointer = self._move_pointer(event.key, lambda now: _tombstone_for_marker(now, event), DELETED_TAG)
        # The tombstone says what it hid, so that a second try of this event removes what the first did not.
        if pointer and pointer["sequencer"] == event.sequencer and pointer.get("removed"):
            self._withdraw(pointer["removed"])

    def confirm_source(self, event: ObjectEvent) -> bool:
        """Return whether the version still exists; if not, remove what was published from it.

        The deletion's own event may have been handled before there was anything to remove.
        """
        try:
            self.s3.head_object(Bucket=event.bucket, Key=event.key, VersionId=event.version_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
            self.apply_deletion(replace(event, change=Change.VERSION_DELETED))
            return False
        return True

    def is_overtaken(self, event: ObjectEvent) -> bool:
        """Return whether the key already shows something later: a newer version or a deletion."""
        pointer = self.pointer(event.key)
        return not _is_older_than(pointer, event) and (pointer or {}).get("job_id") != event.job_id

    def pointer(self, key: str) -> Document | None:
        """Return what the key shows: a manifest, or the tombstone of a deletion; None if there is neither."""
        return self._read(pointer_key(key))[0]

    def is_rejected(self, job_id: str) -> bool:
        """Return whether a rejection of the version is recorded."""
        return self._read(rejection_key(job_id))[0] is not None

    def is_published(self, job_id: str) -> bool:
        """Return whether the job's manifest exists, and therefore its whole result."""
        return self._read(manifest_key(job_id))[0] is not None

    def _withdraw(self, job_id: str) -> None:
        """Remove results; if there are any, call `withdrawn` before (in case of interruption) and after."""
        was_there = next(self._pages(version_prefix(job_id)), None)
        if was_there:
            self.withdrawn(job_id)
        self.purge(job_id)
        if was_there:
            self.withdrawn(job_id)

    def discard(self, job_id: str) -> None:
        """Remove what a job stored, unless an attempt at it was published: then its URLs may be known."""
        if not self.is_published(job_id):
            self.purge(job_id)

    def purge(self, job_id: str) -> None:
        """Remove what a job stored under its own id; first the manifest, with which it counts as complete."""
        self._delete(manifest_key(job_id), rejection_key(job_id))
        for keys in self._pages(version_prefix(job_id)):
            self._delete(*keys)

    def _pages(self, prefix: str) -> Iterator[list[str]]:
        """Yield the keys under a prefix, at most a thousand at a time."""
        more: dict[str, Any] = {}
        while True:
            page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **more)
            if keys := [item["Key"] for item in page.get("Contents", [])]:
                yield keys
            if "NextContinuationToken" not in page:
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _store_manifest(self, document: Document) -> Document:
        """Store the manifest unless there is one; return the stored one.

        The manifest of a repeated job would have other timings, and readers may have cached the first one.
        """
        key = manifest_key(document["job_id"])
        for race in range(_RACES):
            try:
                self.put_part(key, _json(document), "application/json", IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] == "PreconditionFailed":
                    return self._read(key)[0] or document
                if error.response["Error"]["Code"] not in _LOST_THE_RACE:
                    raise
                self.pause(_pause(race))  # 409: another write of this key is in progress
            else:
                return document
        raise ContentionError(f"Another write of {key} was in progress at each of {_RACES} tries.")

    def _move_pointer(
        self, key: str, change: Callable[[Document | None], Document | None], tagging: str = ""
    ) -> Document | None:
        """Replace the pointer with what `change` returns, unless that is None; return the final pointer."""
        for race in range(_RACES):
            now, etag = self._read(pointer_key(key))
            then = change(now)
            if then is None:
                return now
            options = {"IfMatch": etag} if now else {"IfNoneMatch": "*"}
            try:
                self._put_json(pointer_key(key), then, **options, **({"Tagging": tagging} if tagging else {}))
            except ClientError as error:
                if error.response["Error"]["Code"] not in _LOST_THE_RACE:
                    raise
                self.pause(_pause(race))
            else:
                return then
        raise ContentionError(f"The pointer of {key!r} changed {_RACES} times while it was written.")

    def _read(self, key: str) -> tuple[Document | None, str]:
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None, ""
        return json.loads(found["Body"].read()), found["ETag"]

    def _put_json(self, key: str, document: Document, **options: Any) -> None:
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=_json(document),
            ContentType="application/json",
            CacheControl="no-cache",
            **options,
        )

    def _delete(self, *keys: str) -> None:
        """Delete at most a thousand keys; missing ones count as deleted. Raises ClientError for others."""
        objects: Any = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        if failed := self.s3.delete_objects(Bucket=self.bucket, Delete=objects).get("Errors"):
            said = f"{failed[0].get('Message')} ({len(failed)} keys)"
            raise ClientError({"Error": {"Code": failed[0]["Code"], "Message": said}}, "DeleteObjects")


def _pause(race: int) -> float:
    """Return the seconds to wait after losing the given race, about three for all races."""
    return min(0.5, 0.02 * float(2**race))


def _is_older_than(pointer: Document | None, event: ObjectEvent) -> bool:
    return pointer is None or is_newer(event.sequencer, pointer["sequencer"])


def _tombstone_for_marker(pointer: Document | None, event: ObjectEvent) -> Document | None:
    if not _is_older_than(pointer, event):
        return None
    removed = pointer and (pointer.get("job_id") or pointer.get("removed"))
    return {"state": "deleted", "sequencer": event.sequencer, "removed": removed}


def _tombstone_for_version(pointer: Document | None, event: ObjectEvent) -> Document | None:
    if pointer is None or pointer.get("job_id") != event.job_id:
        return None
    return {"state": "deleted", "sequencer": pointer["sequencer"], "removed": event.job_id}


def _json(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode()
