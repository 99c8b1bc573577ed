"""How an event source mapping reads a Kinesis stream.

MiniStack's own mapping ignores what the function returns, and repeats a failed batch for ever. This one
follows AWS's documentation:
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
"""

import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ministack.core import concurrency
from ministack.core.responses import get_account_id, get_region
from ministack.services import kinesis, lambda_svc, s3

log = logging.getLogger(__name__)
Record = dict[str, Any]
Shard = dict[str, Any]
PAYLOAD_BYTES, EVENT_BYTES = 6 * 1024 * 1024, 500
"""Maximum bytes of an invocation's payload, and bytes that each record takes in addition to its data."""
LONGEST_PAUSE = 30.0
"""Maximum seconds between two tries; AWS's documentation gives no number."""


@dataclass
class Batch:
    """Records that are tried together. due: earliest time of the next try.

    tries: failed tries so far, not counting those after which the batch was bisected.
    """

    records: Sequence[Record]
    tries: int = 0
    due: float = 0.0


@dataclass
class Reader:
    """The position of an event source mapping in one shard.

    after: sequence number after which the next read begins. todo: batches that were read, next one first.
    busy: whether a batch is being processed.
    """

    after: str
    todo: list[Batch] = field(default_factory=list)
    busy: bool = False


_readers: dict[tuple[str, str], Reader] = {}
"""Readers by event source mapping and shard."""
_lock = threading.Lock()


def read_streams_as_event_sources_do() -> None:
    """Support partial batch responses, bisecting, retries, maximum record age, on-failure destinations."""
    lambda_svc._poll_kinesis = poll
    create = lambda_svc._create_esm

    def create_at_a_time(data: dict[str, Any]) -> Any:
        status, headers, answer = create(data)
        if status < 300 and data.get("StartingPositionTimestamp"):
            made = lambda_svc._esms[json.loads(answer)["UUID"]]
            made["StartingPositionTimestamp"] = data["StartingPositionTimestamp"]
        return status, headers, answer

    lambda_svc._create_esm = create_at_a_time


def poll() -> bool:
    """Make one pass over every shard of every event source mapping; return True if something was started."""
    started = [_advance(esm, stream, function) for esm, stream, function in _sources()]
    return any(started)


def _sources() -> Iterator[tuple[Record, Record, Record]]:
    for account, region, esm in lambda_svc._iter_all_esms():
        tokens = lambda_svc._request_account_id.set(account), lambda_svc._request_region.set(region)
        try:
            arn = str(esm.get("EventSourceArn", ""))
            stream = kinesis._streams.get(arn.rpartition("/")[2]) if ":kinesis:" in arn else None
            function, _ = lambda_svc._get_func_record_for_qualifier(esm["FunctionName"], esm.get("Qualifier"))
            if stream and function and esm.get("Enabled", True) and stream["StreamStatus"] == "ACTIVE":
                yield esm, stream, function
        finally:
            lambda_svc._request_account_id.reset(tokens[0])
            lambda_svc._request_region.reset(tokens[1])


def _advance(esm: Record, stream: Record, function: Record) -> bool:
    started = False
    is_new = not any(esm_id == esm["UUID"] for esm_id, _ in _readers)
    for shard_id, shard in sorted(stream["shards"].items()):
        with _lock:
            reader = _readers.get((esm["UUID"], shard_id)) or _new_reader(esm, shard, is_new=is_new)
            _readers[esm["UUID"], shard_id] = reader
            if reader.busy or not _parents_are_done(esm, shard, stream):
                continue
            if not reader.todo:
                reader.todo = _read(esm, reader, shard)
            batch = reader.todo[0] if reader.todo and reader.todo[0].due <= time.time() else None
            reader.busy = batch is not None
        if batch:
            concurrency.spawn_background(_try, esm, stream, function, shard_id, reader, batch)
            started = True
    return started


def _new_reader(esm: Record, shard: Shard, *, is_new: bool) -> Reader:
    """Return a new reader. A shard that appeared after the mapping's first pass is read from its start."""
    records = shard["records"]
    starts = esm.get("StartingPosition", "LATEST")
    if starts == "TRIM_HORIZON" or not is_new:
        return Reader(after="")
    if starts == "AT_TIMESTAMP":
        at = float(esm.get("StartingPositionTimestamp") or 0)
        records = [one for one in records if one["ApproximateArrivalTimestamp"] < at]
    return Reader(after=records[-1]["SequenceNumber"] if records else "")


def _parents_are_done(esm: Record, shard: Shard, stream: Record) -> bool:
    parents = (shard.get("parent_shard_id"), shard.get("adjacent_parent_shard_id"))
    return all(
        _is_done(_readers.get((esm["UUID"], parent)), stream["shards"][parent])
        for parent in parents
        if parent in stream["shards"]
    )


def _is_done(reader: Reader | None, shard: Shard) -> bool:
    last = shard["records"][-1]["SequenceNumber"] if shard["records"] else ""
    return reader is not None and not reader.todo and not reader.busy and reader.after >= last


def _read(esm: Record, reader: Reader, shard: Shard) -> list[Batch]:
    """Read up to the batch size, and no more than fits into an invocation's payload."""
    batch: list[Record] = []
    size = 0
    for record in shard["records"]:
        if record["SequenceNumber"] > reader.after:
            size += len(kinesis._ensure_base64(record["Data"])) + EVENT_BYTES
            if len(batch) == esm.get("BatchSize", 100) or (batch and size > PAYLOAD_BYTES):
                break
            batch.append(record)
    return [Batch(records=batch)] if batch else []


def _try(esm: Record, stream: Record, function: Record, shard_id: str, reader: Reader, batch: Batch) -> None:
    """Try a batch, and leave in `reader.todo` what is to be tried next."""
    next_ones: Sequence[Batch] = [batch]
    try:
        next_ones = _tried(esm, stream, function, shard_id, batch)
    finally:
        with _lock:
            reader.todo[:1] = next_ones
            if not reader.todo:
                reader.after = batch.records[-1]["SequenceNumber"]
            reader.busy = False
        concurrency.esm_wake.set()


def _tried(esm: Record, stream: Record, function: Record, shard_id: str, batch: Batch) -> Sequence[Batch]:
    age, most = esm.get("MaximumRecordAgeInSeconds", -1), esm.get("MaximumRetryAttempts", -1)
    event = {"Records": [_as_event(one, stream, shard_id) for one in batch.records]}
    since = time.time() - int(age) if int(age) >= 0 else 0
    old = sum(one["ApproximateArrivalTimestamp"] < since for one in batch.records)
    if old:
        aged = {"Records": event["Records"][:old]}
        _set_aside(
            esm, function, shard_id, Batch(batch.records[:old], batch.tries), aged, "RecordAgeExceeded"
        )
        return [Batch(batch.records[old:], batch.tries)] if old < len(batch.records) else []
    result = lambda_svc._execute_function(function, event)
    if result.get("throttle"):  # the function never ran: that is no try
        return [Batch(batch.records, batch.tries, time.time() + 1)]
    rest = _not_done(esm, batch.records, result)
    if not rest:
        return []
    log.warning(
        "%s: %d of %d records of %s failed", esm["FunctionName"], len(rest), len(batch.records), shard_id
    )
    if result.get("error"):
        log.warning("%s\n%s", result.get("body"), result.get("log", ""))
    if result.get("error") and esm.get("BisectBatchOnFunctionError") and len(rest) > 1:
        half = (len(rest) + 1) // 2  # bisecting is no retry
        return [Batch(rest[:half], batch.tries), Batch(rest[half:], batch.tries)]
    tries = batch.tries + 1  # AWS does not document that partial success resets the retries
    if 0 <= int(most) < tries:
        event = {"Records": event["Records"][-len(rest) :]}
        _set_aside(esm, function, shard_id, Batch(rest, tries), event, "RetryAttemptsExhausted")
        return []
    return [Batch(rest, tries, time.time() + _pause(tries))]


def _not_done(esm: Record, records: Sequence[Record], result: Record) -> Sequence[Record]:
    """Return what has to be retried: everything from the lowest reported record on, if any is reported.

    If the function failed, or reported a record that is not among `records`, all of them are retried.
    """
    if result.get("error"):
        return records
    body = result.get("body")
    reports = "ReportBatchItemFailures" in (esm.get("FunctionResponseTypes") or [])
    failures = body.get("batchItemFailures") if reports and isinstance(body, dict) else None
    numbers = [
        str(one.get("itemIdentifier") or "") if isinstance(one, dict) else "" for one in failures or []
    ]
    known = [one["SequenceNumber"] for one in records]
    if any(number not in known for number in numbers):
        return records
    return records[min(map(known.index, numbers)) :] if numbers else []


def _pause(tries: int) -> float:
    file = Path(os.environ["LOCAL_AWS_MOST_HIDDEN"])
    most = float(file.read_text()) if file.is_file() else LONGEST_PAUSE
    return min(2.0 ** (tries - 1), most)


def _as_event(record: Record, stream: Record, shard_id: str) -> Record:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": kinesis._ensure_base64(record["Data"]),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{record['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{get_account_id()}:role/lambda-role",
        "awsRegion": get_region(),
        "eventSourceARN": stream["StreamARN"],
    }


def _set_aside(
    esm: Record, function: Record, shard_id: str, batch: Batch, event: Record, condition: str
) -> None:
    """Write the invocation record, with the whole event, to the destination if that is a bucket."""
    target = ((esm.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
    if not target.startswith("arn:aws:s3:::"):
        return
    now, records = datetime.now(UTC), batch.records
    arrivals = [_iso(one["ApproximateArrivalTimestamp"]) for one in (records[0], records[-1])]
    config = function.get("config") or function
    told = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": config["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": batch.tries,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": _iso(now.timestamp()),
        "KinesisBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": records[0]["SequenceNumber"],
            "endSequenceNumber": records[-1]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": arrivals[0],
            "approximateArrivalOfLastRecord": arrivals[1],
            "batchSize": len(records),
            "streamArn": esm["EventSourceArn"],
        },
        "payload": json.dumps(event),
    }
    name = f"{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
    key = f"aws/lambda/{esm['UUID']}/{shard_id}/{now:%Y/%m/%d}/{name}"
    s3._put_object(target.removeprefix("arn:aws:s3:::"), key, json.dumps(told).encode(), {})


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
