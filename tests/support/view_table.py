"""StreamPattern's table of views, for tests and benchmarks that deploy no template."""

from typing import Any


def create_view_table(dynamodb: Any, name: str) -> None:
    """Create the table.

    dynamodb: boto3's client. Keys and billing are the stack's (stacks/stream_pattern/stack.py).
    """
    keys = {"image": "HASH", "at": "RANGE"}
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
    )
