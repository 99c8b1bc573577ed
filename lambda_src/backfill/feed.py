"""One batch of objects: those without a result are sent to the pattern's queue, a few at a time."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from runtime.events import GONE, Change, ObjectEvent
from runtime.results import Output

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

THREADS = 10
"""Threads that look up objects: as many as the connections that a boto3 client keeps open."""
MOST_MESSAGES = 10
"""Maximum per call:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""
BAD_REQUEST = "400"
"""The error code if S3 refuses a HEAD request as invalid: the response has no body with details."""
PAUSE_SECONDS = 0.5
"""Seconds between two polls of the queue."""
LAST_SECONDS = 70
"""Last seconds before the timeout, in which nothing is sent: an alarm fires at four fifths of the timeout."""
OLDEST = "0"
"""A sequencer older than any that S3 issues."""
JUST_AFTER = "0" * 40 + "1"
"""Suffix that makes a sequencer newer, but still older than any later one of S3's.

Sequencers are compared from the left, and none of S3's is that long.
"""
MESSAGES: tuple[Literal["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"], ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
)
"""Queue attributes that count the waiting messages and those in flight."""


class Found(StrEnum):
    """What became of an object in the listing."""

    SENT = "sent"
    SHOWN = "shown"
    """Its result is published; nothing to do."""
    REJECTED = "rejected"
    """It was rejected before and would be again."""
    FOLDER = "folder"
    GONE = "gone"
    """It was deleted after the listing."""
    UNREADABLE = "unreadable"
    """S3 refuses a HEAD request: no URL can carry the key, or the object is encrypted with SSE-C."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The function's input; the function is called again with its own output until no keys are left.

    keys: the objects' keys. at_once: maximum number of objects in progress in the pattern, live
        uploads included.
    counts: number of objects by Found, so far.
    """

    keys: Sequence[str]
    at_once: int
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Batch":
        """Parse the input, made by ItemBatcher or by `as_json`.

        https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
        """
        keys = [item["key"] for item in told["Items"]]
        return cls(keys=keys, at_once=told["BatchInput"]["at_once"], counts=told.get("Counts", {}))

    def as_json(self) -> dict[str, Any]:
        """Return the same shape as the input, with `Counts`."""
        return {
            "BatchInput": {"at_once": self.at_once},
            "Items": [{"key": key} for key in self.keys],
            "Counts": dict(self.counts),
        }


@dataclass(frozen=True, kw_only=True)
class Feeder:
    """Feeds one pattern.

    Attributes:
        bucket: the source.
        output: the pattern's output, read only.
        open_jobs: counts jobs that have left the queue but are not done.
        pause: `time.sleep`.
    """

    s3: "S3Client"
    bucket: str
    output: Output
    sqs: "SQSClient"
    queue_url: str
    open_jobs: Callable[[], int] = lambda: 0
    pause: Callable[[float], None] = time.sleep

    def run(self, batch: Batch, seconds: Callable[[], float]) -> Batch:
        """Send as much as the pattern has room for, until everything is sent or time runs out.

        Returns what is left; its objects will be examined again. seconds: how many the function has left.
        """
        with ThreadPoolExecutor(THREADS) as threads:
            found = list(threads.map(self._look, batch.keys))
        waiting = [one for one in found if isinstance(one, ObjectEvent)]
        counts = Counter(batch.counts) + Counter(one for one in found if isinstance(one, Found))
        while waiting and seconds() > LAST_SECONDS:
            now, later = _split(waiting, batch.at_once - self._in_flight())
            refused = self._send(now)
            counts[Found.SENT] += len(now) - len(refused)
            if waiting := [*refused, *later]:
                self.pause(PAUSE_SECONDS)
        return replace(batch, keys=[event.key for event in waiting], counts=counts)

    def _look(self, key: str) -> ObjectEvent | Found:
        """Return an event for the object's current version, or why there is nothing to do.

        The pointer is read first, so that it shows nothing newer than this version. An upload between the two
        reads has an event of its own, which is newer than the one made here.
        """
        if key.endswith("/"):
            return Found.FOLDER
        pointer = self.output.pointer(key) or {"sequencer": OLDEST}
        try:
            found = self.s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in (*GONE, BAD_REQUEST):
                raise
            return Found.UNREADABLE if code == BAD_REQUEST else Found.GONE
        event = ObjectEvent(
            change=Change.CREATED,
            bucket=self.bucket,
            key=key,
            version_id=found.get("VersionId", "null"),  # stored before versioning was enabled
            sequencer=pointer["sequencer"] + JUST_AFTER,
            size=found["ContentLength"],
        )
        if pointer.get("job_id") == event.job_id:
            return Found.SHOWN
        return Found.REJECTED if self.output.is_rejected(event.job_id) else event

    def _in_flight(self) -> int:
        """Return the number of messages and jobs waiting or in progress; SQS's count is approximate."""
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=[*MESSAGES])
        return sum(int(told["Attributes"][name]) for name in MESSAGES) + self.open_jobs()

    def _send(self, events: Sequence[ObjectEvent]) -> list[ObjectEvent]:
        """Send messages; return those that SQS did not accept."""
        refused = []
        for start in range(0, len(events), MOST_MESSAGES):
            page = events[start : start + MOST_MESSAGES]
            answer = self.sqs.send_message_batch(
                QueueUrl=self.queue_url,
                Entries=[
                    {"Id": str(number), "MessageBody": json.dumps(as_message(event))}
                    for number, event in enumerate(page)
                ],
            )
            refused += [page[int(one["Id"])] for one in answer.get("Failed", [])]
        return refused


def as_message(event: ObjectEvent) -> dict[str, Any]:
    """Return a message in the shape of EventBridge's, with the fields that its consumers use.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    described = {
        "key": event.key,
        "size": event.size,
        "version-id": event.version_id,
        "sequencer": event.sequencer,
    }
    detail = {"bucket": {"name": event.bucket}, "object": described, "reason": "Backfill"}
    return {"source": "backfill", "detail-type": "Object Created", "detail": detail}


def _split(events: list[ObjectEvent], room: int) -> tuple[list[ObjectEvent], list[ObjectEvent]]:
    most = max(0, room)
    return events[:most], events[most:]
