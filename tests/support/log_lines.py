"""Lines of CloudFront's real-time logs, and the events in which Lambda gets them."""

import base64
from collections.abc import Sequence
from typing import Any

NOON = 1_764_158_400  # 2025-11-26T12:00Z
WHOLE = "/iiif/3/photo.jpg/full/%5E600,/0/default.webp"


def log_line(
    path: str = WHOLE,
    *,
    request_id: str = "a==",
    second: float = NOON,
    status: int = 200,
    method: str = "GET",
    result: str = "Hit",
) -> bytes:
    return "\t".join((f"{second:.3f}", str(status), method, path, request_id, result)).encode() + b"\n"


def kinesis_event(
    lines: Sequence[bytes], *, start: int = 1, shard: str = "shardId-000000000000"
) -> dict[str, Any]:
    """Return a batch. Its sequence numbers count up from `sequence(start)`, about as long as Kinesis's."""
    return {"Records": [_record(line, sequence(start + n), shard) for n, line in enumerate(lines)]}


def sequence(number: int) -> str:
    return str(49_650_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000 + number)


def _record(data: bytes, number: str, shard: str) -> dict[str, Any]:
    kinesis = {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "key",
        "sequenceNumber": number,
        "data": base64.b64encode(data).decode(),
        "approximateArrivalTimestamp": NOON + 0.5,
    }
    return {
        "kinesis": kinesis,
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/views",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/views",
    }
