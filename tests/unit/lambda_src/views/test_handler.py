"""Batches of a shard as Lambda delivers them: each record is counted once, whatever is retried."""

import json
import random
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.support.lambda_context import Context
from tests.support.log_lines import NOON, kinesis_event, log_line, sequence
from tests.unit.lambda_src.views.conftest import Views

MINUTE = "2025-11-26T12:00Z"


def path(name: str) -> str:
    return f"/iiif/3/{name}/full/max/0/default.jpg"


def of(name: str, number: int, **more: Any) -> bytes:
    """Return the log line of a view of an image, with a request id of its own."""
    return log_line(path(name), request_id=f"{name}-{number}", **more)


def failing_once(views: Views, monkeypatch: pytest.MonkeyPatch, *, call: int, code: str) -> None:
    """Make the table refuse one transaction, the `call`-th from now, with the error `code`."""
    dynamodb = views.module.batches.counters.dynamodb
    write, calls = dynamodb.transact_write_items, iter(range(1, 1000))

    def refuse(**named: Any) -> Any:
        if next(calls) == call:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "TransactWriteItems")
        return write(**named)

    monkeypatch.setattr(dynamodb, "transact_write_items", refuse)


def test_views_are_counted_per_image_and_minute(views: Views) -> None:
    lines = [of("a", 1), of("b", 2), of("a", 3), of("a", 4, second=NOON + 60)]
    assert views.deliver(lines) == []
    assert views.counted() == {
        ("iiif/a", MINUTE): 2,
        ("iiif/b", MINUTE): 1,
        ("iiif/a", "2025-11-26T12:01Z"): 1,
    }


def test_counters_and_marks_expire(views: Views) -> None:
    before = int(time.time())
    views.deliver([of("a", 1)])
    expires = {item["image"]["S"]: int(item["expires_at"]["N"]) for item in views.items()}
    assert expires["iiif/a"] == NOON + 30 * 86_400
    mark = expires["shard/views/shardId-000000000000"]
    assert before + 30 * 86_400 <= mark <= time.time() + 30 * 86_400


def test_a_batch_that_comes_again_counts_nothing(views: Views) -> None:
    for _ in range(3):
        assert views.deliver([of("a", 1), of("a", 2)]) == []
    assert views.counted() == {("iiif/a", MINUTE): 2}


def test_batches_with_new_boundaries_count_each_record_once(views: Views) -> None:
    rng = random.Random(21)
    lines = [of(f"image-{rng.randrange(40)}", number) for number in range(400)]
    counted = 0
    while counted < len(lines):
        start = rng.randrange(max(0, counted - 30), counted + 1)
        end = min(len(lines), start + rng.randrange(1, 60))
        assert views.deliver(lines[start:end], start=start + 1) == []
        counted = max(counted, end)
    assert views.counted().total() == 400


def test_sequence_numbers_are_compared_as_numbers(views: Views) -> None:
    for number in ("99", "100"):
        event = kinesis_event([of("a", int(number))])
        event["Records"][0]["kinesis"]["sequenceNumber"] = number
        assert views.invoke(event) == []
    assert views.counted() == {("iiif/a", MINUTE): 2}


def test_each_shard_has_a_mark_and_counters_of_its_own(views: Views) -> None:
    views.deliver([of("a", 1)], start=900)
    views.deliver([of("a", 2)], start=5, shard="shardId-000000000001")
    assert views.counted() == {("iiif/a", MINUTE): 2}
    assert len([item for item in views.items() if "views" in item]) == 2


def test_a_batch_with_more_images_than_a_transaction_has_room_for_is_counted(views: Views) -> None:
    lines = [of(f"image-{number}", number) for number in range(250)]
    assert views.deliver(lines) == []
    assert len(views.counted()) == 250


def test_a_line_that_was_sent_twice_counts_once_within_a_batch_and_twice_in_two(views: Views) -> None:
    twice = of("a", 1)
    views.deliver([twice, of("b", 2), twice])
    assert views.counted()["iiif/a", MINUTE] == 1
    views.deliver([twice], start=4)
    assert views.counted()["iiif/a", MINUTE] == 2


def test_a_duplicate_of_a_record_that_was_counted_before_the_batch_came_again_counts_nothing(
    views: Views,
) -> None:
    twice = of("a", 1)
    views.deliver([twice])
    views.deliver([twice, twice])
    assert views.counted() == {("iiif/a", MINUTE): 1}


def test_malformed_records_are_set_aside_with_their_reason_and_never_come_again(views: Views) -> None:
    assert views.deliver([b"nonsense", of("a", 1), b"\xff"]) == []
    assert views.counted() == {("iiif/a", MINUTE): 1}
    first, second = views.set_aside()
    assert first["sequence"] == sequence(1)
    assert "1 tab-separated fields" in first["reason"]
    assert (first["data"], first["partition_key"]) == ("bm9uc2Vuc2U=", "key")
    assert "not UTF-8" in second["reason"]


def test_a_record_that_is_set_aside_twice_is_one_object(
    views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_once(views, monkeypatch, call=1, code="InternalServerError")
    assert views.deliver([of("a", 1), b"nonsense"]) == [sequence(1)]
    assert views.deliver([of("a", 1), b"nonsense"]) == []
    assert len(views.set_aside()) == 1


@pytest.mark.parametrize("code", ["InternalServerError", "ProvisionedThroughputExceededException"])
def test_a_batch_that_the_table_refuses_comes_again_from_the_refused_record(
    views: Views, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    lines = [of(f"image-{number}", number) for number in range(250)]
    failing_once(views, monkeypatch, call=2, code=code)
    assert views.deliver(lines) == [sequence(1 + 99)]
    assert len(views.counted()) == 99
    assert views.deliver(lines[99:], start=100) == []
    assert views.counted().total() == 250


def test_nothing_is_counted_where_malformed_records_cannot_be_set_aside(views: Views) -> None:
    views.s3.delete_bucket(Bucket="aside")
    assert views.deliver([of("a", 1), b"nonsense"]) == [sequence(1)]
    assert views.counted() == {}


@pytest.mark.parametrize("earlier", [[], [b"an earlier record"]])
def test_of_two_invocations_for_one_shard_one_counts(
    views: Views, monkeypatch: pytest.MonkeyPatch, earlier: list[bytes]
) -> None:
    """A batch may be delivered again, with more records, while an earlier invocation is still counting it."""
    counted = views.module.batches.counters
    mark = type(counted).mark_of
    views.deliver(earlier) if earlier else None
    start = 1 + len(earlier)

    def overtaken(self: Any, shard: str) -> Any:
        before = mark(self, shard)
        monkeypatch.setattr(type(counted), "mark_of", mark)
        assert views.deliver([of("a", 1), of("a", 2)], start=start) == []
        return before

    monkeypatch.setattr(type(counted), "mark_of", overtaken)
    assert views.deliver([of("a", 1), of("a", 2), of("a", 3)], start=start) == [sequence(start)]
    assert views.counted() == {("iiif/a", MINUTE): 2}


def test_a_part_that_might_not_end_in_time_comes_again(views: Views) -> None:
    event = kinesis_event([of(f"image-{number}", number) for number in range(250)])
    assert views.invoke(event, seconds=23) == [sequence(1)]
    left = iter([60, 60, 23])

    class Slow(Context):
        def get_remaining_time_in_millis(self) -> int:
            return next(left) * 1000

    assert views.module.handler(event, Slow())["batchItemFailures"] == [{"itemIdentifier": sequence(199)}]
    assert views.counted().total() == 198


def test_a_record_that_a_network_error_stopped_is_reported_as_failed(
    views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(**_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    monkeypatch.setattr(views.module.batches.counters.dynamodb, "transact_write_items", lost)
    assert views.deliver([of("a", 1)]) == [sequence(1)]


def test_the_mark_is_read_with_strong_consistency(views: Views, monkeypatch: pytest.MonkeyPatch) -> None:
    dynamodb = views.module.batches.counters.dynamodb
    asked: list[dict[str, Any]] = []
    read = dynamodb.get_item

    def note(**named: Any) -> Any:
        asked.append(named)
        return read(**named)

    monkeypatch.setattr(dynamodb, "get_item", note)
    views.deliver([of("a", 1)])
    assert [one["ConsistentRead"] for one in asked] == [True]


def test_a_duplicate_in_another_transaction_of_the_batch_counts_nothing(views: Views) -> None:
    lines = [of(f"image-{number}", number) for number in range(150)]
    views.deliver([*lines, lines[0]])
    assert views.counted().total() == 150


def test_another_stream_of_the_same_function_has_marks_of_its_own(views: Views) -> None:
    views.deliver([of("a", 1)], start=900)
    event = kinesis_event([of("a", 2)], start=5)
    event["Records"][0]["eventSourceARN"] = "arn:aws:kinesis:us-east-1:000000000000:stream/second"
    assert views.invoke(event) == []
    assert views.counted() == {("iiif/a", MINUTE): 2}


def test_a_bug_stops_the_shard_at_its_record(views: Views, monkeypatch: pytest.MonkeyPatch) -> None:
    read = views.module.read_line

    def faulty(data: bytes, arrived: float) -> Any:
        if b"b-2" in data:
            raise ZeroDivisionError
        return read(data, arrived)

    monkeypatch.setattr(views.module, "read_line", faulty)
    assert views.deliver([of("a", 1), of("b", 2), of("a", 3)]) == [sequence(2)]
    assert views.counted() == {("iiif/a", MINUTE): 1}
    assert views.deliver([of("b", 2)], start=2) == [sequence(2)], "a batch of which nothing can be read"


def test_records_that_come_again_are_counted_by_a_metric(
    views: Views, capsys: pytest.CaptureFixture[str]
) -> None:
    views.s3.delete_bucket(Bucket="aside")
    views.deliver([of("a", 1), b"nonsense", of("a", 2)])
    (metrics,) = (
        json.loads(line)
        for line in capsys.readouterr().out.splitlines()
        if "NotCounted" in line and "_aws" in line
    )
    assert metrics["NotCounted"] == [3.0]


def test_each_record_is_counted_by_one_metric(views: Views, capsys: pytest.CaptureFixture[str]) -> None:
    twice = of("a", 1)
    tile = log_line("/iiif/3/a/0,0,9,9/9,/0/default.jpg", request_id="tile")
    views.deliver([twice])
    capsys.readouterr()
    views.deliver([twice, twice, of("b", 2), tile, b"nonsense", of("b", 3, result="Miss")])
    (metrics,) = (json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line)
    assert {name: value for name, value in metrics.items() if isinstance(value, list)} == {
        "AlreadyCounted": [1.0],
        "Repeated": [1.0],
        "Views": [2.0],
        "OtherRequests": [1.0],
        "Malformed": [1.0],
        "FromCache": [1.0],
    }
