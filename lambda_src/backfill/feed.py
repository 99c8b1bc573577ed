"""A batch of objects: those of which nothing was made yet go into the pattern's queue, a few at once."""

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
"""As many connections as a boto3 client keeps."""
MOST_MESSAGES = 10
"""Of one call: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""
BAD_REQUEST = "400"
"""A HEAD has no body that would say more."""
PAUSE_SECONDS = 0.5
"""Until the queue is looked at again."""
LAST_SECONDS = 70
"""Of the function's time, in which nothing more is sent: an alarm goes off at four fifths of it."""
OLDEST = "0"
"""A sequencer older than any that S3 issues."""
JUST_AFTER = "0" * 40 + "1"
"""At the end of a sequencer it makes one that is newer, and older than every later one: they are compared
from the left, and none is that long.
"""
MESSAGES: tuple[Literal["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"], ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
)
"""Those that wait and those that are worked on."""


class Found(StrEnum):
    """What became of an object of the listing."""

    SENT = "sent"
    SHOWN = "shown"
    """Its result is published: nothing to do."""
    REJECTED = "rejected"
    """It was refused before, and would be again."""
    FOLDER = "folder"
    GONE = "gone"
    """Since it was listed."""
    UNREADABLE = "unreadable"
    """S3 refuses to describe it: its key is no address, or it is under a customer's own key (SSE-C)."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a child execution hands to the function, and gets back until no keys are left.

    keys: of objects. at_once: as many may be in the pattern's hands, live uploads included.
    counts: of Found, so far.
    """

    keys: Sequence[str]
    at_once: int
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Batch":
        """From what ItemBatcher makes, or `as_json` gave.

        https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
        """
        keys = [item["key"] for item in told["Items"]]
        return cls(keys=keys, at_once=told["BatchInput"]["at_once"], counts=told.get("Counts", {}))

    def as_json(self) -> dict[str, Any]:
        """In the same shape, and `Counts`."""
        return {
            "BatchInput": {"at_once": self.at_once},
            "Items": [{"key": key} for key in self.keys],
            "Counts": dict(self.counts),
        }


@dataclass(frozen=True, kw_only=True)
class Feeder:
    """Of one pattern.

    Attributes:
        bucket: the source.
        output: of the same pattern, only read.
        open_jobs: that are no longer in the queue and not done either.
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
        """Send what the pattern has room for, until all is sent or the time is over.

        Returns what is left; its objects are looked at anew. seconds: that the function has left.
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
        """Return the event of its current version, unless there is nothing to do.

        The pointer is read before the object is asked for: so what it shows is no newer than this version,
        and an upload in between is newer than the event made here.
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
            version_id=found.get("VersionId", "null"),  # stored before the bucket had versions
            sequencer=pointer["sequencer"] + JUST_AFTER,
            size=found["ContentLength"],
        )
        if pointer.get("job_id") == event.job_id:
            return Found.SHOWN
        return Found.REJECTED if self.output.is_rejected(event.job_id) else event

    def _in_flight(self) -> int:
        """Return what the pattern has to do: messages and jobs, waiting or in work. SQS counts roughly."""
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=[*MESSAGES])
        return sum(int(told["Attributes"][name]) for name in MESSAGES) + self.open_jobs()

    def _send(self, events: Sequence[ObjectEvent]) -> list[ObjectEvent]:
        """Return those that SQS did not take."""
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
    """Return what EventBridge would have delivered, as far as anybody here reads it.

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
