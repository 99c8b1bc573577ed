"""`python3 dev.py views`, and the driver that it uses, against moto."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lambda_src.views.counters import MARK
from lambda_src.views.log_lines import read_line
from tests.support.log_lines import kinesis_event, log_line
from tests.support.view_table import create_view_table
from tools.commands import views
from tools.drivers import stream_pattern
from tools.drivers.deployed import Deployed
from tools.drivers.stream_pattern import NotReadError, NotTakenError, StreamDriver
from tools.local_aws import running

OBJECT = "aws/lambda/mapping/shardId-000000000000/2026/11/26/2026-11-26T12.00.00-id"


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[StreamDriver]:
    outputs = {"StreamName": "stream", "ViewTable": "views", "SetAsideBucket": "aside"}
    with mock_aws():
        boto3.client("kinesis").create_stream(StreamName="stream", ShardCount=1)
        boto3.client("s3").create_bucket(Bucket="aside")
        create_view_table(boto3.client("dynamodb"), "views")
        found = Deployed(client=boto3.client, resource=boto3.resource, outputs=outputs)
        monkeypatch.setattr(running, "find", lambda *_: found)
        yield StreamDriver(client=boto3.client, outputs=outputs)


def counted(driver: StreamDriver, image: str, at: str, number: int) -> None:
    item = {"image": {"S": image}, "at": {"S": at}, "views": {"N": str(number)}}
    driver.client("dynamodb").put_item(TableName="views", Item=item)


def in_the_stream(driver: StreamDriver) -> list[dict[str, Any]]:
    (shard,) = driver.kinesis.list_shards(StreamName="stream")["Shards"]
    start = driver.kinesis.get_shard_iterator(
        StreamName="stream", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    return list(driver.kinesis.get_records(ShardIterator=start["ShardIterator"])["Records"])


def fail(driver: StreamDriver, *lines: bytes, condition: str = "RetryAttemptsExhausted") -> None:
    """Write what an event source mapping writes about records that kept failing."""
    told = {"requestContext": {"condition": condition}, "payload": json.dumps(kinesis_event(lines))}
    driver.s3.put_object(Bucket="aside", Key=OBJECT, Body=json.dumps(told).encode())


def test_put_makes_lines_that_the_function_reads_as_views(
    driver: StreamDriver, capsys: pytest.CaptureFixture[str]
) -> None:
    assert views.main(["put", "--count", "1200"]) == 0
    assert "1,200 views are in the stream" in capsys.readouterr().out
    found = [read_line(one["Data"], time.time()) for one in in_the_stream(driver)]
    assert len({one.request_id for one in found}) == 1200
    assert all(one.image.startswith("iiif/") for one in found)


def test_top_adds_up_shards_and_minutes_and_shows_the_most(
    driver: StreamDriver, capsys: pytest.CaptureFixture[str]
) -> None:
    assert views.main(["top"]) == 0
    assert "No views were counted." in capsys.readouterr().out
    for number in range(7):
        counted(driver, f"iiif/{number}.jpg", "2999-01-01T00:00Z shard-0", number + 1)
    counted(driver, "iiif/0.jpg", "2999-01-01T00:00Z shard-1", 100)
    counted(driver, "iiif/old.jpg", "2020-01-01T00:00Z shard-0", 1000)
    driver.client("dynamodb").put_item(
        TableName="views", Item={"image": {"S": "shard/shard-0"}, "at": {"S": MARK}, "sequence": {"S": "1"}}
    )
    assert views.main(["top"]) == 0
    said = capsys.readouterr().out
    assert said.index("iiif/0.jpg") < said.index("iiif/6.jpg") < said.index("iiif/3.jpg")
    assert "101" in said
    assert "128 views of 7 images since" in " ".join(said.split())
    assert not any(name in said for name in ("iiif/1.jpg", "old.jpg", "shard/"))


def test_redrive_puts_whole_records_back_and_removes_their_failure_reports(
    driver: StreamDriver, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(driver, log_line(request_id="a"), log_line(request_id="b"))
    driver.s3.put_object(Bucket="aside", Key="malformed/shard/1.jsonl", Body=b"{}")
    assert views.main(["redrive"]) == 0
    assert "2 records of 1 objects" in capsys.readouterr().out
    assert [one["Data"] for one in in_the_stream(driver)] == [log_line(request_id=one) for one in "ab"]
    assert driver.set_aside("") == ["malformed/shard/1.jsonl"]


def test_records_that_were_only_too_old_stay_unless_they_are_asked_for(
    driver: StreamDriver, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recreated event source mapping sets aside records that are too old, which may have been counted."""
    fail(driver, log_line(), condition="RecordAgeExceeded")
    assert views.main(["redrive"]) == 0
    assert "0 records of 0 objects" in capsys.readouterr().out
    assert driver.set_aside("") == [OBJECT]
    assert views.main(["redrive", "--aged"]) == 0
    assert [one["Data"] for one in in_the_stream(driver)] == [log_line()]
    assert driver.set_aside("") == []


def test_malformed_records_are_put_back_when_asked_for(driver: StreamDriver) -> None:
    line = {"sequence": "1", "reason": "?", "partition_key": "key", "data": "bm9uc2Vuc2U="}
    driver.s3.put_object(Bucket="aside", Key="malformed/stream/shard/1.jsonl", Body=json.dumps(line).encode())
    assert views.main(["redrive", "--malformed"]) == 0
    assert [(one["PartitionKey"], one["Data"]) for one in in_the_stream(driver)] == [("key", b"nonsense")]
    assert driver.set_aside("") == []


def test_a_second_redrive_puts_only_the_records_that_the_first_could_not(
    driver: StreamDriver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [log_line(request_id=f"{number}") for number in range(1200)]
    fail(driver, *lines)
    put, calls = driver.kinesis.put_records, iter(range(100))

    def refuse_the_third(*, StreamName: str, Records: list[dict[str, Any]]) -> Any:  # noqa: N803
        if next(calls) < 2:
            return put(StreamName=StreamName, Records=Records)
        kept = put(StreamName=StreamName, Records=Records[:50])["Records"]
        refused = [{"ErrorCode": "ProvisionedThroughputExceededException"}] * len(Records[50:])
        return {"Records": [*kept, *refused]}

    monkeypatch.setattr(stream_pattern, "PAUSES", ())
    with monkeypatch.context() as patched:
        patched.setattr(
            StreamDriver, "kinesis", type("Kinesis", (), {"put_records": staticmethod(refuse_the_third)})
        )
        assert views.main(["redrive"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "The stream did not take 150 records: ProvisionedThroughputExceededException." in said
    assert driver.set_aside("") == [OBJECT]
    assert views.main(["redrive"]) == 0
    assert "150 records of 1 objects" in capsys.readouterr().out
    assert [one["Data"] for one in in_the_stream(driver)] == lines
    assert driver.set_aside("") == []


@pytest.mark.parametrize("malformed", [True, False])
def test_a_payload_may_be_an_object_too(driver: StreamDriver, malformed: bool) -> None:
    told = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "payload": kinesis_event([log_line()])}
    driver.s3.put_object(Bucket="aside", Key=OBJECT, Body=json.dumps(told).encode())
    assert driver.redrive(malformed=malformed) == ((0, 0) if malformed else (1, 1))
    assert len(in_the_stream(driver)) == (0 if malformed else 1)


def test_a_second_redrive_puts_only_the_malformed_lines_that_the_first_could_not(
    driver: StreamDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"sequence": "1", "reason": "?", "partition_key": "key", "data": "bm9uc2Vuc2U="}
    body = "".join(f"{json.dumps(line)}\n" for _ in range(700))
    driver.s3.put_object(Bucket="aside", Key="malformed/stream/shard/1.jsonl", Body=body.encode())
    refused = {"Records": [{"ErrorCode": "InternalFailure"}] * 200}
    put, answers = driver.kinesis.put_records, iter([None, refused])
    monkeypatch.setattr(stream_pattern, "PAUSES", ())
    with monkeypatch.context() as patched:
        patched.setattr(driver.kinesis, "put_records", lambda **named: next(answers) or put(**named))
        with pytest.raises(NotTakenError, match="200 records: InternalFailure"):
            driver.redrive(malformed=True)
    assert driver.redrive(malformed=True) == (1, 200)
    assert len(in_the_stream(driver)) == 700


def test_two_calls_of_put_make_different_views(driver: StreamDriver) -> None:
    assert len({key for _ in range(2) for key, _ in views.made_up(10)}) == 20


def test_only_what_the_stream_refused_is_put_again(
    driver: StreamDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, asked = driver.kinesis.put_records, []

    def refuse_one(*, StreamName: str, Records: list[dict[str, Any]]) -> Any:  # noqa: N803
        asked.append([one["Data"] for one in Records])
        if len(asked) > 1:
            return put(StreamName=StreamName, Records=Records)
        kept = put(StreamName=StreamName, Records=Records[:1])["Records"]
        return {"Records": [*kept, {"ErrorCode": "ProvisionedThroughputExceededException"}]}

    monkeypatch.setattr(stream_pattern, "PAUSES", (0.0,))
    monkeypatch.setattr(driver.kinesis, "put_records", refuse_one)
    driver.put([("a", b"a"), ("b", b"b")])
    assert asked == [[b"a", b"b"], [b"b"]]
    assert [one["Data"] for one in in_the_stream(driver)] == [b"a", b"b"]


def test_a_call_has_no_more_records_and_bytes_than_kinesis_takes(
    driver: StreamDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []

    def note(*, StreamName: str, Records: list[dict[str, Any]]) -> Any:  # noqa: N803
        assert StreamName == "stream"
        sizes.append((len(Records), sum(len(one["Data"]) for one in Records)))
        return {"Records": [{} for _ in Records]}

    monkeypatch.setattr(driver.kinesis, "put_records", note)
    driver.put([("key", b"x")] * 1100 + [("key", bytes(1_000_000))] * 6)
    assert sum(records for records, _ in sizes) == 1106
    assert max(records for records, _ in sizes) == 500
    assert max(size for _, size in sizes) < 5 * 1024 * 1024


def test_the_stream_is_behind_until_its_records_are_counted(driver: StreamDriver) -> None:
    driver.put([("a", b"a"), ("b", b"b")])
    assert driver.behind() > 0
    (*_, last) = in_the_stream(driver)
    mark = {"image": {"S": "shard/stream/shardId-000000000000"}, "at": {"S": MARK}}
    sequence = {"S": last["SequenceNumber"].zfill(128)}
    driver.client("dynamodb").put_item(TableName="views", Item={**mark, "sequence": sequence})
    assert driver.behind() == 0


def test_a_shard_is_read_to_its_end_from_an_old_position_despite_empty_answers(
    driver: StreamDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GetRecords returns nothing for a while, as on AWS after a shard was idle."""
    nothing = {"Records": [], "MillisBehindLatest": 9_000_000, "NextShardIterator": "next"}
    end = {"Records": [], "MillisBehindLatest": 0, "NextShardIterator": "next"}
    closed = {"Records": [], "MillisBehindLatest": 9_000_000}
    monkeypatch.setattr(stream_pattern, "READ_PAUSE", 0.0)
    for answers in ([nothing, nothing, end], [nothing, closed]):
        left = iter(answers)
        monkeypatch.setattr(driver.kinesis, "get_records", lambda left=left, **_: next(left))
        assert driver.behind() == 0
    monkeypatch.setattr(driver.kinesis, "get_records", lambda **_: nothing)
    with pytest.raises(NotReadError, match="not read to its end"):
        driver.behind()


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "99999999999"])
@pytest.mark.parametrize("option", ["--count", "--minutes"])
def test_an_invalid_number_is_an_error_that_says_what_is_allowed(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        views.main([f"{option}={value}"])
    assert f"invalid value '{value}'. Allowed: 1 to 999,999." in capsys.readouterr().err


def test_a_wait_that_ends_says_how_far_it_came(driver: StreamDriver) -> None:
    counted(driver, "iiif/a.jpg", "2026-01-01T00:00Z shard", 3)
    assert driver.wait(3)["iiif/a.jpg"] == 3
    with pytest.raises(TimeoutError, match="3 of 4 views are counted after 0 s"):
        driver.wait(4, timeout=0)
