"""Processing of one event of the source bucket, from reading the object to publishing its results."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from lambda_src.renditions.metrics import Metric
from runtime.events import Change, ObjectEvent
from runtime.imaging.download import Body
from runtime.rejection import Reason, Rejected, check_bytes
from runtime.results import Output, source_of, version_prefix
from runtime.sqs_batch import Outcome
from runtime.unreadable import unreadable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from runtime.slim_s3 import S3


class Put(Protocol):
    """Stores a part of a result and returns its key.

    Arguments: name within the version's folder, bytes and media type.
    """

    def __call__(self, name: str, data: bytes, media_type: str, /) -> str:
        """Store a part of a result and return its key."""


class Work(Protocol):
    """The work on an upload; photos.py implements it, and is the part to replace in a copy."""

    @property
    def max_bytes(self) -> int:
        """Maximum size in bytes; larger files are rejected unread."""

    def make(self, body: Body, put: Put) -> dict[str, Any]:
        """Store the results of an upload, and return the facts for its manifest.

        Of these, `source` is merged with the upload's identity, and `timings_ms` is logged too. Raises
        Rejected when a retry would change nothing.
        """


@dataclass(frozen=True, kw_only=True)
class UploadProcessor:
    """Processor of the source bucket's events."""

    s3: "S3 | S3Client"
    output: Output
    work: Work

    def run(self, event: ObjectEvent) -> Outcome:
        """Process one event. Returns Published, Superseded, Rejected, Deleted or Ignored.

        Raises transient errors: failed calls to AWS, and lack of memory or disk.
        """
        if event.is_folder:
            return Outcome(metric=Metric.IGNORED)
        if event.change is not Change.CREATED:
            self.output.apply_deletion(event)
            return Outcome(metric=Metric.DELETED)
        try:
            return self._publish(event)
        except Rejected as rejected:
            self.output.reject(event, rejected.reason, rejected.message)
            return Outcome(
                metric=Metric.REJECTED, facts={"reason": rejected.reason, "explanation": rejected.message}
            )

    def _publish(self, event: ObjectEvent) -> Outcome:
        if (moved := self.output.publish_again(event)) is not None:
            return self._shown(event, moved, {"again": True})
        check_bytes(event.size, self.work.max_bytes)
        started = time.perf_counter()
        found = self._get(event)
        requested = round((time.perf_counter() - started) * 1000, 1)
        with closing(found["Body"]) as body:
            check_bytes(found["ContentLength"], self.work.max_bytes)
            made = self.work.make(body, lambda *result: self._put(event, *result))
        timings = {"request": requested, **made.get("timings_ms", {})}
        source = {**source_of(event), **made.get("source", {})}
        manifest = {**made, "source": source, "timings_ms": timings}
        return self._shown(event, self.output.publish(event, manifest), timings)

    def _shown(self, event: ObjectEvent, moved: bool, facts: Mapping[str, Any]) -> Outcome:
        if not self.output.confirm_source(event):
            raise _source_gone()
        return Outcome(metric=Metric.PUBLISHED if moved else Metric.SUPERSEDED, facts=facts)

    def _get(self, event: ObjectEvent) -> Mapping[str, Any]:
        try:
            return self.s3.get_object(Bucket=event.bucket, Key=event.key, VersionId=event.version_id)
        except ClientError as error:
            raise unreadable(error) from error

    def _put(self, event: ObjectEvent, name: str, data: bytes, media_type: str) -> str:
        key = f"{version_prefix(event.job_id)}{name}"
        self.output.put_part(key, data, media_type)
        return key


def _source_gone() -> Rejected:
    return Rejected(Reason.SOURCE_GONE, "The file was deleted while it was being processed.")
