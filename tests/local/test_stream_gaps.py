"""MiniStack's Kinesis event sources and real-time logs behave as AWS documents only with the patches."""

import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import eventually
from tests.local.making import stack_of
from tools.local_aws.aws import LocalAws

HANDLER = """
import base64, json, os
def handler(event, context):
    data = [base64.b64decode(one["kinesis"]["data"]).decode() for one in event["Records"]]
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(json.dumps(data) + "\\n")
    for record, text in zip(event["Records"], data):
        if text.startswith("die"):
            os._exit(1)
        if text.startswith("fail"):
            return {"batchItemFailures": [{"itemIdentifier": record["kinesis"]["sequenceNumber"]}]}
"""
pytestmark = pytest.mark.slow
SETTINGS = {
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "BisectBatchOnFunctionError": True,
    "MaximumRetryAttempts": 2,
    "StartingPosition": "TRIM_HORIZON",
}


@dataclass(frozen=True, kw_only=True)
class World:
    """A stream, a function that records what it gets, and a bucket for failures."""

    aws: LocalAws
    name: str
    seen: Path

    def put(self, *texts: str) -> None:
        records = [{"Data": text.encode(), "PartitionKey": "key"} for text in texts]
        assert self.kinesis.put_records(StreamName=self.name, Records=records)["FailedRecordCount"] == 0

    @property
    def kinesis(self) -> Any:
        return self.aws.client("kinesis")

    def read_by(self, **settings: Any) -> None:
        """Create an event source mapping from the stream to the function."""
        arn = self.kinesis.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"][
            "StreamARN"
        ]
        self.aws.client("lambda").create_event_source_mapping(
            EventSourceArn=arn,
            FunctionName=self.name,
            DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{self.name}"}},
            **SETTINGS | settings,
        )

    def arrivals(self) -> list[Any]:
        shard = {"StreamName": self.name, "ShardId": "shardId-000000000000"}
        start = self.kinesis.get_shard_iterator(**shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        records = self.kinesis.get_records(ShardIterator=start)["Records"]
        return [one["ApproximateArrivalTimestamp"] for one in records]

    def batches(self) -> list[list[str]]:
        return [json.loads(line) for line in self.seen.read_text().splitlines()] if self.seen.exists() else []

    def texts(self) -> Counter[str]:
        return Counter(text for batch in self.batches() for text in batch)

    def until_seen(self, *texts: str) -> list[list[str]]:
        eventually(lambda: {*texts} <= {*self.texts()})
        return self.batches()

    def set_aside(self) -> list[dict[str, Any]]:
        s3 = self.aws.client("s3")
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=self.name).get("Contents", [])]
        return [json.loads(s3.get_object(Bucket=self.name, Key=key)["Body"].read()) for key in keys]


Make = Callable[[LocalAws], World]


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Make:
    name = "".join(one for one in request.node.name.replace("_", "-")[:40] if one.isalnum() or one == "-")

    def world(aws: LocalAws) -> World:
        made = World(aws=aws, name=f"s-{name}".rstrip("-"), seen=tmp_path / f"{aws.pid}")
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            file = zipfile.ZipInfo("function.py")
            file.external_attr = 0o644 << 16  # readable by other users
            archive.writestr(file, HANDLER)
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = aws.client("iam").create_role(RoleName=made.name, AssumeRolePolicyDocument=document)
        aws.client("lambda").create_function(
            FunctionName=made.name,
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="function.handler",
            Code={"ZipFile": package.getvalue()},
            Environment={"Variables": {"SEEN": str(made.seen)}},
        )
        aws.client("s3").create_bucket(Bucket=made.name)
        made.kinesis.create_stream(StreamName=made.name, ShardCount=1)
        return made

    return world


def test_ministack_ignores_reported_failures_of_a_batch_until_patched(
    bare: LocalAws, patched: LocalAws, make: Make
) -> None:
    bare_one, patched_one = make(bare), make(patched)
    for world in (bare_one, patched_one):
        world.put("a", "fail-1", "b")
        world.read_by()
        world.until_seen("b")
        if world is patched_one:
            eventually(world.set_aside)
        world.put("last")
        world.until_seen("last")
    assert bare_one.texts() == {"a": 1, "fail-1": 1, "b": 1, "last": 1}
    first, again, third, last = patched_one.batches()
    assert (first, last) == (["a", "fail-1", "b"], ["last"])
    assert again == third == ["fail-1", "b"]


def test_ministack_does_not_halve_failing_batches_until_patched(
    bare: LocalAws, patched: LocalAws, make: Make
) -> None:
    bare_one, world = make(bare), make(patched)
    for one in (bare_one, world):
        one.put("a", "b", "die", "c", "d")
        one.read_by()
    world.until_seen("d")
    (told,) = eventually(world.set_aside)
    payload = json.loads(told["payload"])
    assert [one["kinesis"]["data"] for one in payload["Records"]] == ["ZGll"]
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 3
    assert told["KinesisBatchInfo"]["batchSize"] == 1
    assert [batch for batch in world.batches() if batch == ["die"]] == [["die"]] * 3
    world.put("last")
    world.until_seen("last")
    assert {*map(len, bare_one.until_seen("die"))} == {5}, "MiniStack halves batches now: the patch can go."


def test_ministack_ignores_the_maximum_record_age_until_patched(
    bare: LocalAws, patched: LocalAws, make: Make
) -> None:
    bare_one, world = make(bare), make(patched)
    for one in (bare_one, world):
        one.put("old")
        one.read_by(MaximumRecordAgeInSeconds=0)
    (told,) = eventually(world.set_aside)
    assert told["requestContext"]["condition"] == "RecordAgeExceeded"
    assert world.batches() == []
    assert bare_one.until_seen("old")


def test_shards_that_appear_later_are_read_from_their_beginning_and_old_ones_to_their_end(
    bare: LocalAws, patched: LocalAws, make: Make
) -> None:
    bare_one, world = make(bare), make(patched)
    for one in (bare_one, world):
        one.put("before")
        one.kinesis.update_shard_count(StreamName=one.name, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
        one.put("after")
        one.read_by()
    world.until_seen("before", "after")
    shards = world.kinesis.list_shards(StreamName=world.name)["Shards"]
    assert [one["ShardId"][-1] for one in shards] == ["0", "1", "2"]
    assert [one.get("ParentShardId", "-")[-1] for one in shards] == ["-", "0", "0"]
    assert ["EndingSequenceNumber" in one["SequenceNumberRange"] for one in shards] == [True, False, False]
    with pytest.raises(ClientError, match="LimitExceeded"):
        world.kinesis.update_shard_count(
            StreamName=world.name, TargetShardCount=5, ScalingType="UNIFORM_SCALING"
        )
    summary = world.kinesis.describe_stream_summary(StreamName=world.name)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 2
    first = int(shards[1]["HashKeyRange"]["EndingHashKey"]) // 2
    world.kinesis.split_shard(
        StreamName=world.name, ShardToSplit=shards[1]["ShardId"], NewStartingHashKey=str(first)
    )
    shards = world.kinesis.list_shards(StreamName=world.name)["Shards"]
    world.kinesis.merge_shards(
        StreamName=world.name,
        ShardToMerge=shards[4]["ShardId"],
        AdjacentShardToMerge=shards[2]["ShardId"],
    )
    for number in range(20):
        world.kinesis.put_record(StreamName=world.name, Data=f"{number}".encode(), PartitionKey=f"{number}")
    world.until_seen(*map(str, range(20)))
    assert {*world.texts().values()} == {1}
    assert bare_one.until_seen("after")
    assert "before" not in bare_one.texts(), "MiniStack keeps closed shards now: the patch can go."


def test_ministack_ignores_a_start_position_in_time_until_patched(
    bare: LocalAws, patched: LocalAws, make: Make
) -> None:
    bare_one, world = make(bare), make(patched)
    for one in (bare_one, world):
        one.put("early")
        time.sleep(0.01)  # arrival times have millisecond resolution
        one.put("late")
        one.read_by(StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=one.arrivals()[1])
    world.until_seen("late")
    assert "early" not in world.texts()
    bare_one.put("last")
    bare_one.until_seen("last")
    assert "late" not in bare_one.texts(), "MiniStack reads from a time now: the patch can go."


def test_ministack_cannot_create_real_time_logs_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    known = {"Name": "logs", "SamplingRate": 100, "Fields": ["timestamp"], "EndPoints": []}
    role = {"RoleArn": "arn:aws:iam::000000000000:role/none", "StreamArn": "arn:aws:kinesis:::stream/s"}
    end = {"StreamType": "Kinesis", "KinesisStreamConfig": role}
    for aws, name, more, says in (
        (bare, "logs", {}, "Unrecognized resource types"),
        (patched, "logs", {}, "CREATE_COMPLETE"),
        (patched, "fields", {"Fields": ["c-ip"]}, "not known here: c-ip"),
        (patched, "role", {"EndPoints": [end]}, "CloudFront cannot assume the role none"),
    ):
        properties = known | {"Name": name} | more
        made = stack_of(aws, name, "AWS::CloudFront::RealtimeLogConfig", **properties)
        stack = {"StackName": made["StackId"]} if "StackId" in made else None
        events = aws.client("cloudformation").describe_stack_events(**stack)["StackEvents"] if stack else []
        reasons = " ".join(one.get("ResourceStatusReason", "") for one in events)
        assert says in f"{made['StackStatus']} {reasons}"


def test_real_time_logs_cannot_be_deleted_before_their_distribution(patched: LocalAws) -> None:
    logs = {"Name": "used", "SamplingRate": 100, "Fields": ["timestamp"], "EndPoints": []}
    stack_of(patched, "used", "AWS::CloudFront::RealtimeLogConfig", **logs)
    policy = {"OriginProtocolPolicy": "https-only"}
    origin = {"Id": "o", "DomainName": "example.com", "CustomOriginConfig": policy}
    behavior = {
        "TargetOriginId": "o",
        "ViewerProtocolPolicy": "https-only",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        "RealtimeLogConfigArn": "arn:aws:cloudfront::000000000000:realtime-log-config/used",
    }
    config = {"Enabled": True, "Origins": [origin], "DefaultCacheBehavior": behavior}
    stack_of(patched, "viewed", "AWS::CloudFront::Distribution", DistributionConfig=config)
    cloudformation = patched.client("cloudformation")

    def is_now(name: str, status: str) -> bool:
        (stack,) = (one for one in cloudformation.list_stacks()["StackSummaries"] if one["StackName"] == name)
        return bool(stack["StackStatus"] == status)

    for name, ended in (("used", "FAILED"), ("viewed", "COMPLETE"), ("used", "COMPLETE")):
        cloudformation.delete_stack(StackName=name)
        eventually(partial(is_now, name, f"DELETE_{ended}"))
