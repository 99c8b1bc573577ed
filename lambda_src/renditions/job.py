"""One event of the source bucket, from reading the object to publishing what was made of it."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from contract.output import Output, source_of, version_prefix
from contract.s3 import S3
from contract.source import Change, ObjectEvent
from imaging.download import Download
from imaging.header import Header
from imaging.limits import Limits
from imaging.probe import check_bytes, check_pixels, probe
from imaging.rejection import Reason, Rejected
from imaging.renditions import MEDIA_TYPE, Rendered, render

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_GONE = {"NoSuchKey", "NoSuchVersion", "404"}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an event ended: one of Published, Superseded, Rejected, Deleted, Ignored; facts are for the log."""

    what: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every event is worked on with. labels: finds labels on a rendition, where that is switched on."""

    s3: "S3 | S3Client"
    output: Output
    limits: Limits
    labels: Callable[[bytes], dict[str, Any]] | None = None

    def run(self, event: ObjectEvent) -> Outcome:
        """Does what the event asks for. Raises what is worth trying again: failed calls to AWS."""
        if event.is_folder:
            return Outcome(what="Ignored")
        if event.change is not Change.CREATED:
            self.output.delete(event)
            return Outcome(what="Deleted")
        try:
            return self._publish(event)
        except Rejected as rejected:
            self.output.reject(event, rejected.reason, rejected.message)
            return Outcome(
                what="Rejected", facts={"reason": rejected.reason, "explanation": rejected.message}
            )

    def _publish(self, event: ObjectEvent) -> Outcome:
        check_bytes(event.size, self.limits)
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
        moved = self.output.publish(event, manifest)
        self._check_still_there(event)
        return Outcome(what="Published" if moved else "Superseded", facts=timings)

    def _fetch(self, event: ObjectEvent) -> tuple[Header, bytes]:
        try:
            found = self.s3.get_object(Bucket=event.bucket, Key=event.key, VersionId=event.version_id)
        except ClientError as error:
            raise _gone(error) from error
        with closing(found["Body"]) as body:
            check_bytes(found["ContentLength"], self.limits)
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

    def _check_still_there(self, event: ObjectEvent) -> None:
        """The removal's own event may have been handled while this job ran, with nothing to remove yet."""
        try:
            self.s3.head_object(Bucket=event.bucket, Key=event.key, VersionId=event.version_id)
        except ClientError as error:
            reason = _gone(error)
            if isinstance(reason, Rejected):
                self.output.delete(replace(event, change=Change.REMOVED))
            raise reason from error


def _gone(error: ClientError) -> Exception:
    """A version that is not there any more is a rejection; every other failure is worth trying again."""
    if error.response["Error"]["Code"] not in _GONE:
        return error
    return Rejected(Reason.SOURCE_GONE, "The file was deleted before its renditions were made.")
