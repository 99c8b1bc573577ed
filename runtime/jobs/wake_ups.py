"""Wake-ups: messages to the dispatcher's queue that ask it to try a waiting job again."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

WAKE_UP = "Job Wake-Up"
_A_BATCH = 10
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""


@dataclass(frozen=True, kw_only=True)
class WakeUps:
    """Sender of wake-ups. sqs: a boto3 client. queue_url: URL of the dispatcher's queue."""

    sqs: "SQSClient"
    queue_url: str

    def send(self, job_ids: Iterable[str]) -> int:
        """Send one wake-up per job; return how many. Raises RuntimeError if SQS does not accept all."""
        wanted = list(dict.fromkeys(job_ids))
        for begin in range(0, len(wanted), _A_BATCH):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {
                    "Id": str(number),
                    "MessageBody": json.dumps({"detail-type": WAKE_UP, "detail": {"job_id": one}}),
                }
                for number, one in enumerate(wanted[begin : begin + _A_BATCH])
            ]
            failed = self.sqs.send_message_batch(QueueUrl=self.queue_url, Entries=entries).get("Failed")
            if failed:  # the request succeeds all the same
                raise RuntimeError(f"SQS did not take {len(failed)} wake-ups: {failed[0].get('Message')}")
        return len(wanted)


def is_wake_up(message: Mapping[str, Any]) -> bool:
    """Return whether a message is a wake-up, rather than an event of S3."""
    return message.get("detail-type") == WAKE_UP


def job_to_wake(message: Mapping[str, Any]) -> str:
    """Return the job id in a wake-up."""
    return str(message["detail"]["job_id"])
