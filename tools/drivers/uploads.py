"""Client of a pattern in which every upload ends as a manifest, a rejection or a dead letter."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runtime.events import is_newer, job_id
from runtime.results import manifest_key, pointer_key, rejection_key
from tools.drivers.deployed import Client, Upload

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class Result:
    """How an upload ended: with a manifest or a rejection. seconds: since the upload began."""

    upload: Upload
    seconds: float
    manifest: Mapping[str, Any] | None = None
    rejection: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """How several uploads ended, in numbers. dead: messages in the dead-letter queue, of any upload.

    unaccounted: keys and versions of those without a manifest or rejection, dead letters included.

    superseded: number of published uploads whose key's pointer shows a later upload or deletion.
    """

    uploads: int
    published: int
    superseded: int
    rejected: Mapping[str, int]
    dead: int
    unaccounted: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.rejected.items()))
        return (
            f"{self.uploads} uploads: {self.published} published ({self.superseded} superseded), "
            f"{sum(self.rejected.values())} rejected ({reasons or 'none'}), {self.dead} dead letters, "
            f"{len(self.unaccounted)} unaccounted for"
        )


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """Client of a pattern with uploads. outputs: of the stack, as `cdk deploy` prints them."""

    client: Client
    outputs: Mapping[str, str]
    s3: "S3Client" = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "s3", self.client("s3"))

    @property
    def source(self) -> str:
        return self.outputs["SourceBucket"]

    @property
    def output(self) -> str:
        return self.outputs["OutputBucket"]

    def upload(self, key: str, data: bytes) -> Upload:
        started = time.monotonic()
        version = self.s3.put_object(Bucket=self.source, Key=key, Body=data)["VersionId"]
        job = job_id(self.source, key, version)
        return Upload(key=key, version_id=version, job_id=job, bytes=len(data), started=started)

    def result(self, upload: Upload, *, timeout: float = 300) -> Result:
        """Wait for the manifest or rejection. Raises TimeoutError `timeout` s after the upload began."""
        pause = 0.05
        while True:
            for name, key in (
                ("manifest", manifest_key(upload.job_id)),
                ("rejection", rejection_key(upload.job_id)),
            ):
                found = self.read(key)
                if found is not None:
                    document = {name: json.loads(found)}
                    return Result(upload=upload, seconds=time.monotonic() - upload.started, **document)
            if time.monotonic() > upload.started + timeout:
                raise TimeoutError(f"{upload.key} has no manifest and no rejection after {timeout:.0f} s.")
            time.sleep(pause)  # polls: nothing notifies this process
            pause = min(pause * 1.5, 1)

    def account(self, uploads: Sequence[Upload], *, timeout: float = 300) -> Report:
        """Wait for each upload's end, and count them all. timeout: seconds from each upload's start."""
        results, unaccounted = [], []
        for upload in uploads:
            try:
                results.append(self.result(upload, timeout=timeout))
            except TimeoutError:
                unaccounted.append((upload.key, upload.version_id))
        published = [one for one in results if one.manifest]
        shown = {key: json.loads(self.read(pointer_key(key)) or b"{}") for key in {u.key for u in uploads}}
        return Report(
            uploads=len(uploads),
            published=len(published),
            superseded=sum(_is_past(shown[one.upload.key], one) for one in published),
            rejected=Counter(str(one.rejection["reason"]) for one in results if one.rejection),
            dead=self.waiting(self.outputs["DeadLetters"]),
            unaccounted=tuple(unaccounted),
        )

    def waiting(self, queue_url: str) -> int:
        """Return the number of messages in a queue, waiting and in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(value) for value in found["Attributes"].values())

    def read(self, key: str) -> bytes | None:
        """Return the content of an object in the output bucket; None if there is no such object."""
        try:
            return bytes(self.s3.get_object(Bucket=self.output, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None


def _is_past(pointer: Mapping[str, Any], result: Result) -> bool:
    """Return whether a pointer shows a later upload or deletion.

    Just after the manifest is stored, the pointer may still show an earlier upload: that does not count.
    """
    manifest = result.manifest or {}
    if not pointer or pointer.get("job_id") == result.upload.job_id:
        return False
    return is_newer(pointer["sequencer"], manifest["sequencer"])
