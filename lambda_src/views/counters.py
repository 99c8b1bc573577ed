"""Views per image and minute in a table, each record of a shard counted once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

MOST_COUNTERS = 99
"""Maximum counters per transaction; together with the shard's mark that makes 100 items, the maximum
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
"""
KEPT_SECONDS = 30 * 86_400
"""How long a counter is kept after its minute, and a mark after its last move: much longer than the stream
keeps its records.
"""
DIGITS = 129
"""Maximum digits of a sequence number (SequenceNumber in Kinesis's API); DynamoDB's numbers have fewer.

Padded with zeros, sequence numbers compare as text.
"""
MARK = "mark"
"""The sort key of a shard's mark."""
Key = tuple[str, str]
"""An image and a minute."""


@dataclass(kw_only=True)
class Part:
    """Records counted in one transaction, in the shard's order.

    first, last: their sequence numbers. views: number by image and minute. malformed: records to set aside.
    counts: number of records by metric.
    """

    first: str
    last: str
    views: Counter[Key] = field(default_factory=Counter)
    malformed: list[dict[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def has_room_for(self, key: Key) -> bool:
        """Return whether a view of this key still fits into the transaction."""
        return key in self.views or len(self.views) < MOST_COUNTERS


@dataclass(frozen=True, kw_only=True)
class Counters:
    """The counters in the table. dynamodb: boto3's client. clock: seconds since 1970.

    A shard is named with its stream, NAME/shardId-000000000000, since shard ids of other streams begin at 0
    too.
    """

    dynamodb: "DynamoDBClient"
    table: str
    clock: Callable[[], float]

    def mark_of(self, shard: str) -> str:
        """Return the sequence number up to which a shard is counted; "" if nothing is."""
        item = self.dynamodb.get_item(TableName=self.table, Key=_key(_mark(shard), MARK), ConsistentRead=True)
        return item["Item"]["sequence"]["S"].lstrip("0") if "Item" in item else ""

    def add(self, shard: str, part: Part, *, after: str) -> None:
        """Count a part atomically, and move the shard's mark from `after` to the part's last record.

        Each shard has its own counters: if the writers of two shards touched the same item at once, DynamoDB
        would cancel one of the transactions. Raises botocore's errors: a ClientError if another writer has
        moved the mark, in which case nothing is counted.
        """
        writes: list[TransactWriteItemTypeDef] = [
            {"Update": self._update(_key(image, f"{minute} {shard}"), views, _expires(minute))}
            for (image, minute), views in part.views.items()
        ]
        move: TransactWriteItemTypeDef = {"Update": self._move(shard, part.last, after)}
        self.dynamodb.transact_write_items(TransactItems=[move, *writes])

    def _update(self, key: dict[str, Any], views: int, expires: int) -> "UpdateTypeDef":
        return {
            "TableName": self.table,
            "Key": key,
            "UpdateExpression": "ADD #views :views SET #expires = :expires",
            "ExpressionAttributeNames": {"#views": "views", "#expires": "expires_at"},
            "ExpressionAttributeValues": {":views": {"N": str(views)}, ":expires": {"N": str(expires)}},
        }

    def _move(self, shard: str, last: str, after: str) -> "UpdateTypeDef":
        before = {":before": {"S": after.zfill(DIGITS)}} if after else {}
        expires = int(self.clock()) + KEPT_SECONDS
        return {
            "TableName": self.table,
            "Key": _key(_mark(shard), MARK),
            "UpdateExpression": "SET #sequence = :last, #expires = :expires",
            "ConditionExpression": "#sequence = :before" if after else "attribute_not_exists(#sequence)",
            "ExpressionAttributeNames": {"#sequence": "sequence", "#expires": "expires_at"},
            "ExpressionAttributeValues": {
                ":last": {"S": last.zfill(DIGITS)},
                ":expires": {"N": str(expires)},
                **before,
            },
        }


def is_after(sequence: str, mark: str) -> bool:
    """Return whether a record of a shard comes after another; everything comes after ""."""
    return not mark or sequence.zfill(DIGITS) > mark.zfill(DIGITS)


def _key(image: str, at: str) -> dict[str, Any]:
    return {"image": {"S": image}, "at": {"S": at}}


def _mark(shard: str) -> str:
    """Return the partition key of a shard's mark, which no image's name can equal."""
    return f"shard/{shard}"


def _expires(minute: str) -> int:
    return int(datetime.fromisoformat(minute).timestamp()) + KEPT_SECONDS
