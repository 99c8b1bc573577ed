"""Events as S3 sends them to EventBridge, and as SQS delivers them to a function."""

import json
from typing import Any


def s3_event(
    key: str,
    *,
    version_id: str = "v1",
    sequencer: str = "10",
    size: int = 1000,
    bucket: str = "source",
    deletion_type: str | None = None,
) -> dict[str, Any]:
    """Return S3's event for a created object, or for a deleted one if `deletion_type` is given.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    described: dict[str, Any] = {"key": key, "version-id": version_id, "sequencer": sequencer}
    detail: dict[str, Any] = {"version": "0", "bucket": {"name": bucket}, "object": described}
    if deletion_type:
        detail["deletion-type"] = deletion_type
    else:
        described.update(size=size, etag="0")
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Deleted" if deletion_type else "Object Created",
        "detail": detail,
    }


def sqs_batch(*bodies: dict[str, Any] | str) -> dict[str, Any]:
    """Return the event of a batch from SQS; message ids are "0", "1", ..."""
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": "handle",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }
