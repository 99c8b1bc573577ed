"""Drives a deployed StreamPattern as its users do: put log lines, read views, redrive what failed."""

import base64
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lambda_src.views.counters import MARK
from tools.drivers.deployed import Client

MOST_RECORDS = 500
"""Of one PutRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""
MOST_BYTES = 4_000_000
"""Of their data; PutRecords takes 5 MiB with the partition keys."""
PAUSES = (0.2, 0.5, 1, 2, 4, 8)
"""Seconds before records that were refused are put again: a shard takes a thousand per second."""
SET_ASIDE = "aws/lambda/"
"""Where the event source writes what failed to the end."""
Record = tuple[str, bytes]
"""Partition key and data."""


class NotTakenError(Exception):
    """The stream has not taken some records; the message says why and how many."""


@dataclass(frozen=True, kw_only=True)
class StreamDriver:
    """client: as boto3 makes them, by a service's name. outputs: of the stack, as `cdk deploy` gives them."""

    client: Client
    outputs: Mapping[str, str]

    @cached_property
    def kinesis(self) -> Any:
        return self.client("kinesis")

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    def put(self, records: Sequence[Record]) -> None:
        """Puts records into the stream, and those again that it did not take: PutRecords may take a part.

        Raises NotTakenError where it still refuses some after PAUSES.
        """
        for part in _parts(records):
            left = part
            for pause in (*PAUSES, None):
                asked = [{"PartitionKey": key, "Data": data} for key, data in left]
                answer = self.kinesis.put_records(StreamName=self.outputs["StreamName"], Records=asked)
                refused = [one.get("ErrorCode", "") for one in answer["Records"]]
                left = [one for one, code in zip(left, refused, strict=True) if code]
                if not left:
                    break
                if pause is None:
                    why = ", ".join(sorted({*refused} - {""}))
                    raise NotTakenError(f"The stream did not take {len(left)} records: {why}.")
                time.sleep(pause)

    def views(self, *, since: str = "") -> Counter[str]:
        """Views by image, from a minute on (as 2026-11-26T16:13Z); reads the whole table."""
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.outputs["ViewTable"],
                FilterExpression="#at >= :since AND attribute_exists(#views)",
                ExpressionAttributeNames={"#at": "at", "#views": "views"},
                ExpressionAttributeValues={":since": {"S": since or "0"}},
            )
        )
        found: Counter[str] = Counter()
        for page in pages:
            for item in page["Items"]:
                found[item["image"]["S"]] += int(item["views"]["N"])
        return found

    def wait(self, views: int, *, timeout: float = 300) -> Counter[str]:
        """Views by image, once there are so many. TimeoutError `timeout` seconds after now."""
        end = time.monotonic() + timeout
        while (found := self.views()).total() < views:
            if time.monotonic() > end:
                raise TimeoutError(f"{found.total()} of {views} views are counted after {timeout:.0f} s.")
            time.sleep(0.2)  # a table has nothing to wait on
        return found

    def redrive(self) -> tuple[int, int]:
        """Puts what the event source has set aside into the stream again; how many objects and records.

        An object is removed when the stream has all of its records. One that is put back twice counts twice:
        only if this is stopped between the two.
        """
        objects = records = 0
        bucket = self.outputs["SetAsideBucket"]
        for key in self.set_aside(SET_ASIDE):
            told = json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            again = [one["kinesis"] for one in json.loads(told["payload"])["Records"]]
            self.put([(one["partitionKey"], base64.b64decode(one["data"])) for one in again])
            self.s3.delete_object(Bucket=bucket, Key=key)
            objects, records = objects + 1, records + len(again)
        return objects, records

    def set_aside(self, prefix: str) -> list[str]:
        """Keys of what is set aside under a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.outputs["SetAsideBucket"], Prefix=prefix
        )
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def behind(self) -> int:
        """Milliseconds by which the shard that is furthest behind is not counted yet (MillisBehindLatest)."""
        return max(self._behind(shard["ShardId"]) for shard in self._shards())

    def _shards(self) -> Iterator[Mapping[str, Any]]:
        pages = self.kinesis.get_paginator("list_shards").paginate(StreamName=self.outputs["StreamName"])
        for page in pages:
            yield from page["Shards"]

    def _behind(self, shard: str) -> int:
        table, key = self.outputs["ViewTable"], {"image": {"S": f"shard/{shard}"}, "at": {"S": MARK}}
        item = self.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        sequence = item["sequence"]["S"].lstrip("0") if item else ""
        position = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": sequence}
            if item
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        start = self.kinesis.get_shard_iterator(
            StreamName=self.outputs["StreamName"], ShardId=shard, **position
        )
        answer = self.kinesis.get_records(ShardIterator=start["ShardIterator"], Limit=1)
        ages = [time.time() - one["ApproximateArrivalTimestamp"].timestamp() for one in answer["Records"]]
        return max([int(answer["MillisBehindLatest"]), *(1 + int(age * 1000) for age in ages)])


def _parts(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    part: list[Record] = []
    size = 0
    for record in records:
        more = len(record[1]) + len(record[0].encode())
        if part and (len(part) == MOST_RECORDS or size + more > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(record)
        size += more
    if part:
        yield part
