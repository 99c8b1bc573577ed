"""Client of a deployed StreamPattern: puts log lines, reads views, redrives failed records."""

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
"""Maximum per PutRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""
MOST_BYTES = 4_000_000
"""Maximum bytes of data and partition keys per PutRecords, well within its limit of 10 MiB."""
PAUSES = (0.2, 0.5, 1, 2, 4, 8)
"""Seconds before refused records are put again: a shard takes a thousand records per second."""
SET_ASIDE, MALFORMED = "aws/lambda/", "malformed/"
"""Prefixes of records that kept failing or became too old, which the event source mapping writes, and of
malformed ones, which the function writes.
"""
MOST_READS, READ_PAUSE = 40, 0.25
"""Maximum reads of a shard, and seconds between two: five per second are allowed, including the function's.
"""
FAILED = "RetryAttemptsExhausted"
"""The mapping's condition for records that ran out of retries; records that are too old have another."""
Record = tuple[str, bytes]
"""A partition key and data."""


class NotTakenError(Exception):
    """Raised when the stream did not accept records; says how many and why. places: their indexes."""

    def __init__(self, places: Sequence[int], why: str) -> None:
        super().__init__(f"The stream did not take {len(places)} records: {why}.")
        self.places = places


class NotReadError(Exception):
    """Raised when a shard could not be read completely."""


@dataclass(frozen=True, kw_only=True)
class StreamDriver:
    """Client of a deployed StreamPattern.

    Attributes:
        client: makes a boto3 client, given a service's name.
        outputs: of the stack, as `cdk deploy` prints them.
    """

    client: Client
    outputs: Mapping[str, str]

    @cached_property
    def kinesis(self) -> Any:
        return self.client("kinesis")

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    def put(self, records: Sequence[Record]) -> None:
        """Put records into the stream, retrying those that it did not accept: PutRecords may accept a part.

        Raises NotTakenError if the stream still refuses some after all PAUSES. The records that follow are
        then not sent, and count as not accepted too.
        """
        for first, part in _parts(records):
            left, refused = {first + place: record for place, record in enumerate(part)}, [""]
            for pause in (0, *PAUSES):
                time.sleep(pause)
                asked = [{"PartitionKey": key, "Data": data} for key, data in left.values()]
                answer = self.kinesis.put_records(StreamName=self.outputs["StreamName"], Records=asked)
                refused = [one.get("ErrorCode", "") for one in answer["Records"]]
                left = {place: left[place] for place, code in zip(left, refused, strict=True) if code}
                if not left:
                    break
            else:
                following = range(first + len(part), len(records))
                raise NotTakenError([*left, *following], ", ".join(sorted({*refused} - {""})))

    def views(self, *, since: str = "") -> Counter[str]:
        """Scan the table; return views by image. since: first minute, such as 2026-11-26T16:13Z."""
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
        """Wait for that many views; return them by image. Raises TimeoutError after `timeout` seconds."""
        end = time.monotonic() + timeout
        while (found := self.views()).total() < views:
            if time.monotonic() > end:
                raise TimeoutError(f"{found.total()} of {views} views are counted after {timeout:.0f} s.")
            time.sleep(0.2)  # polls: nothing notifies this process
        return found

    def redrive(self, *, aged: bool = False, malformed: bool = False) -> tuple[int, int]:
        """Put set-aside records back into the stream; return how many objects and records.

        An object keeps the records that the stream has not accepted yet. aged: include records that were set
        aside only for their age, which may already be counted: a recreated event source mapping sets old
        records aside untried. malformed: put back only those that the function could not read; use this once
        it can.
        """
        objects = records = 0
        for key in self.set_aside(MALFORMED if malformed else SET_ASIDE):
            held = _held(self._get(key))
            if malformed or aged or held.condition == FAILED:
                records += self._again(key, held)
                objects += 1
        return objects, records

    def _again(self, key: str, held: "_Held") -> int:
        """Put an object's records part by part, so that records the stream has accepted are not put again."""
        left, where = list(held.records), {"Bucket": self.outputs["SetAsideBucket"], "Key": key}
        while left:
            part, rest = left[:MOST_RECORDS], left[MOST_RECORDS:]
            try:
                self.put([held.record(one) for one in part])
            except NotTakenError as error:
                self.s3.put_object(**where, Body=held.text([part[place] for place in error.places] + rest))
                raise
            left = rest
            if left:
                self.s3.put_object(**where, Body=held.text(left))
        self.s3.delete_object(**where)
        return len(held.records)

    def _get(self, key: str) -> str:
        found = self.s3.get_object(Bucket=self.outputs["SetAsideBucket"], Key=key)
        return str(found["Body"].read().decode())

    def set_aside(self, prefix: str) -> list[str]:
        """Return the keys of what was set aside, under a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.outputs["SetAsideBucket"], Prefix=prefix
        )
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def behind(self) -> int:
        """Return how many milliseconds ago the oldest uncounted record arrived; 0 if all are counted.

        Raises NotReadError if MOST_READS reads do not reach a shard's end: GetRecords may return nothing
        although more records follow.
        """
        return max(self._behind(shard["ShardId"]) for shard in self._shards())

    def _shards(self) -> Iterator[Mapping[str, Any]]:
        pages = self.kinesis.get_paginator("list_shards").paginate(StreamName=self.outputs["StreamName"])
        for page in pages:
            yield from page["Shards"]

    def _behind(self, shard: str) -> int:
        table = self.outputs["ViewTable"]
        key = {"image": {"S": f"shard/{self.outputs['StreamName']}/{shard}"}, "at": {"S": MARK}}
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
        iterator = start["ShardIterator"]
        for _ in range(MOST_READS):
            answer = self.kinesis.get_records(ShardIterator=iterator, Limit=1)
            for record in answer["Records"]:
                return 1 + int((time.time() - record["ApproximateArrivalTimestamp"].timestamp()) * 1000)
            iterator = answer.get("NextShardIterator")
            if not answer["MillisBehindLatest"] or not iterator:
                return 0
            time.sleep(READ_PAUSE)
        raise NotReadError(f"{shard} was not read to its end: try again.")


@dataclass(frozen=True, kw_only=True)
class _Held:
    """Contents of an object. told: the mapping's invocation record; None for malformed records."""

    records: Sequence[Any]
    told: Mapping[str, Any] | None

    @property
    def condition(self) -> str:
        """Why the event source mapping gave up."""
        return str(self.told["requestContext"]["condition"]) if self.told else ""

    def record(self, one: Mapping[str, Any]) -> Record:
        key, data = ("partitionKey", one["kinesis"]) if self.told else ("partition_key", one)
        return data[key], base64.b64decode(data["data"])

    def text(self, records: Sequence[Any]) -> bytes:
        """Return the object's text with these records instead of its own."""
        if self.told:
            return json.dumps({**self.told, "payload": json.dumps({"Records": records})}).encode()
        return "".join(f"{json.dumps(one)}\n" for one in records).encode()


def _held(text: str) -> _Held:
    """Parse the event source mapping's JSON (its payload is text or an object), or the function's lines."""
    lines = [json.loads(line) for line in text.splitlines()]
    told = lines[0]
    if "payload" not in told:
        return _Held(records=lines, told=None)
    payload = told["payload"]
    event = json.loads(payload) if isinstance(payload, str) else payload
    return _Held(records=event["Records"], told=told)


def _parts(records: Sequence[Record]) -> Iterator[tuple[int, Sequence[Record]]]:
    """Yield parts that one PutRecords accepts, each with the index of its first record."""
    first = size = 0
    for place, (key, data) in enumerate(records):
        more = len(data) + len(key.encode())
        if place > first and (place - first == MOST_RECORDS or size + more > MOST_BYTES):
            yield first, records[first:place]
            first, size = place, 0
        size += more
    if records:
        yield first, records[first:]
