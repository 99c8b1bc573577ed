"""Redelivery of failed messages with backoff."""

from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from runtime.pauses import pause_after

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


def come_again(record: SQSRecord) -> int:
    """Hide a failed message for the pause that its receive count calls for; return the seconds.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
    Raises botocore's errors; the message then becomes visible after the queue's visibility timeout.
    """
    receives = int(record.attributes.approximate_receive_count)
    seconds = pause_after(receives)
    arn = record.event_source_arn
    _sqs().change_message_visibility(
        QueueUrl=_url(arn), ReceiptHandle=record.receipt_handle, VisibilityTimeout=seconds
    )
    return seconds


@cache
def _url(arn: str) -> str:
    account, name = arn.split(":")[4:]
    return _sqs().get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]


@cache
def _sqs() -> "SQSClient":
    """Return a client, made only after a failure: earlier, it could double a cold start (ADR 0003)."""
    from botocore.config import Config
    from botocore.session import get_session

    brief = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
    client: SQSClient = get_session().create_client("sqs", config=brief)  # type: ignore[assignment]
    return client
