"""One event of the source bucket, from reading the object to publishing what was made of it."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambda_src.renditions.metrics import Metric
from runtime.events import Change, ObjectEvent
from runtime.imaging.download import Download
from runtime.imaging.header import Header
from runtime.imaging.limits import Limits
from runtime.imaging.probe import check_pixels, probe
from runtime.imaging.renditions import MEDIA_TYPE, Rendered, render
from runtime.rejection import Reason, Rejected, check_bytes
from runtime.results import Output, source_of, version_prefix
from runtime.sqs_batch import Outcome
from runtime.unreadable import unreadable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from runtime.slim_s3 import S3


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every event is worked on with. labels: finds labels on a rendition, where that is switched on."""

    s3: "S3 | S3Client"
    output: Output
    limits: Limits
    labels: Callable[[bytes], dict[str, Any]] | None = None

    def run(self, event: ObjectEvent) -> Outcome:
        """Does what the event asks for: Published, Superseded, Rejected, Deleted or Ignored.

        Raises what is worth trying again: failed calls to AWS.
        """
        if event.is_folder:
            return Outcome(what=Metric.IGNORED)
        if event.change is not Change.CREATED:
            self.output.delete(event)
            return Outcome(what=Metric.DELETED)
        try:
            return self._publish(event)
        except Rejected as rejected:
            self.output.reject(event, rejected.reason, rejected.message)
            return Outcome(
                what=Metric.REJECTED, facts={"reason": rejected.reason, "explanation": rejected.message}
            )

    def _publish(self, event: ObjectEvent) -> Outcome:
        if (moved := self.output.publish_again(event)) is not None:
            return self._shown(event, moved, {"again": True})
        check_bytes(event.size, self.limits.max_bytes)
        started = time.perf_counter()
        header, data = self._fetch(event)
        fetched = time.perf_counter()
        rendered = render(data, header, self.limits)
        timings = {
            "fetch": round((fetched - started) * 1000, 1),
            "decode": round(rendered.decode_ms, 1),
            "encode": round(rendered.encode_ms, 1),
        }
        manifest = {**self._store(event, header, rendered), "timings_ms": timings}
        return self._shown(event, self.output.publish(event, manifest), timings)

    def _shown(self, event: ObjectEvent, moved: bool, facts: Mapping[str, Any]) -> Outcome:
        if not self.output.still_wanted(event):
            raise _source_gone()
        return Outcome(what=Metric.PUBLISHED if moved else Metric.SUPERSEDED, facts=facts)

    def _fetch(self, event: ObjectEvent) -> tuple[Header, bytes]:
        try:
            found = self.s3.get_object(Bucket=event.bucket, Key=event.key, VersionId=event.version_id)
        except ClientError as error:
            raise unreadable(error) from error
        with closing(found["Body"]) as body:
            check_bytes(found["ContentLength"], self.limits.max_bytes)
            download = Download(body)
            header = probe(download.read)
            check_pixels(header.width, header.height, header, self.limits)
            return header, download.rest()

    def _store(self, event: ObjectEvent, header: Header, rendered: Rendered) -> dict[str, Any]:
        renditions = []
        for rendition in rendered.renditions:
            key = f"{version_prefix(event.job_id)}{rendition.long_edge}.webp"
            self.output.put(key, rendition.data, MEDIA_TYPE)
            renditions.append(
                {
                    "key": key,
                    "long_edge": rendition.long_edge,
                    "width": rendition.width,
                    "height": rendition.height,
                    "bytes": len(rendition.data),
                    "media_type": MEDIA_TYPE,
                }
            )
        manifest = {"source": {**source_of(event), **asdict(header)}, "renditions": renditions}
        if self.labels:
            manifest["labels"] = self.labels(rendered.renditions[0].data)
        return manifest


def _source_gone() -> Rejected:
    return Rejected(Reason.SOURCE_GONE, "The file was deleted before its renditions were made.")
