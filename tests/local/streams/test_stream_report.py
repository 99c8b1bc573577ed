"""A report accounts for each of 20,000 records: counted, sent twice, malformed, or killing the function."""

import base64
import io
import json
import random
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from stacks.bundling import Runtime, bundle
from tests.local.conftest import Deployment, eventually, role_of, without
from tests.support.log_lines import log_line
from tools.drivers.stream_pattern import SET_ASIDE, Record, StreamDriver

RECORDS, SHARDS, IMAGES = 20_000, 4, 200
MALFORMED, TWICE, LATER = 0.01, 0.02, 4000
POISON = b"poison"
FAILING_SECONDS = 60
KILLED = f"""
import base64, os
from lambda_src.views.handler import handler as counted
def handler(event, context):
    if any({POISON!r} in base64.b64decode(one["kinesis"]["data"]) for one in event["Records"]):
        os._exit(1)
    return counted(event, context)
"""


@dataclass(kw_only=True)
class Sent:
    """What was sent. views: requests by image; twice: how many of those were sent again."""

    records: list[Record] = field(default_factory=list)
    views: Counter[str] = field(default_factory=Counter)
    twice: Counter[str] = field(default_factory=Counter)
    malformed: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Where each record ended up. repeated: sent twice, counted once; again: sent twice, counted twice."""

    sent: int
    views: int
    repeated: int
    again: int
    malformed: int
    killed: int

    @property
    def unaccounted(self) -> int:
        return self.sent - self.views - self.repeated - self.again - self.malformed - self.killed

    def __str__(self) -> str:
        return (
            f"{self.sent} records: {self.views} views counted once, {self.repeated} sent twice and counted "
            f"once, {self.again} sent twice and counted twice, {self.malformed} malformed and {self.killed} "
            f"that killed the function set aside, {self.unaccounted} unaccounted for"
        )


def made(seed: int) -> Sent:
    rng, sent, start = random.Random(seed), Sent(), time.time()
    later: list[Record] = []
    for number in range(RECORDS):
        key = f"{rng.getrandbits(64):x}"
        if rng.random() < MALFORMED:
            data = b"nonsense %d" % number
            sent.malformed.append(data)
            sent.records.append((key, data))
            continue
        image = f"report-{min(int(rng.expovariate(0.05)), IMAGES)}.jpg"
        path = f"/iiif/3/{image}/full/max/0/default.webp"
        data = log_line(path, request_id=f"report-{number}", second=start + number / 1000)
        sent.views[f"iiif/{image}"] += 1
        sent.records.append((key, data))
        if rng.random() < TWICE:
            sent.twice[f"iiif/{image}"] += 1
            (later if rng.random() < 0.5 else sent.records).append((key, data))
        if number % LATER == 0:  # so that duplicates arrive in another batch
            sent.records += later
            later.clear()
    sent.records += later
    return sent


@pytest.fixture
def killed_by_poison(stream: StreamDriver) -> Iterator[None]:
    """Wrap the function's handler in one whose process exits at a poison record."""
    lambda_, name = stream.client("lambda"), stream.outputs["FunctionName"]
    folder = bundle("views", Runtime.local()).path
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
        file = zipfile.ZipInfo("killed.py")
        file.external_attr = 0o644 << 16
        archive.writestr(file, KILLED)
    before = lambda_.get_function_configuration(FunctionName=name)["Handler"]
    lambda_.update_function_code(FunctionName=name, ZipFile=package.getvalue())
    lambda_.update_function_configuration(FunctionName=name, Handler="killed.handler")
    yield
    lambda_.update_function_configuration(FunctionName=name, Handler=before)


def reshard(stream: StreamDriver) -> None:
    """Split one shard, and merge two."""
    name = stream.outputs["StreamName"]
    shards = stream.kinesis.list_shards(StreamName=name)["Shards"]
    open_ones = [one for one in shards if "EndingSequenceNumber" not in one["SequenceNumberRange"]]
    first, second, third = open_ones[:3]
    start, end = (int(first["HashKeyRange"][f"{which}HashKey"]) for which in ("Starting", "Ending"))
    stream.kinesis.split_shard(
        StreamName=name, ShardToSplit=first["ShardId"], NewStartingHashKey=str((start + end) // 2)
    )
    stream.kinesis.merge_shards(
        StreamName=name, ShardToMerge=second["ShardId"], AdjacentShardToMerge=third["ShardId"]
    )


def lines_counted(stream: StreamDriver, since: int) -> Counter[str]:
    """Return what the function has counted, by metric, from its log."""
    pages = (
        stream.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=stream.outputs["LogGroup"], filterPattern="Counted", startTime=since)
    )
    found: Counter[str] = Counter()
    for page in pages:
        for event in page["events"]:
            line = json.loads(event["message"]) if event["message"].startswith("{") else {}
            if line.get("message") == "Counted":
                found.update(line["counts"])
    return found


def bodies(stream: StreamDriver, prefix: str, before: set[str]) -> Iterator[str]:
    bucket = stream.outputs["SetAsideBucket"]
    for key in {*stream.set_aside(prefix)} - before:
        yield stream.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


@pytest.mark.slow
def test_twenty_thousand_records_are_accounted_for(
    deployment: Deployment, stream: StreamDriver, killed_by_poison: None
) -> None:
    deployment.aws.most_hidden.write_text("4")  # pauses of up to 4 s: a minute takes 16 of 20 retries
    for shards in (2, SHARDS):  # one call can at most double the shards
        stream.kinesis.update_shard_count(
            StreamName=stream.outputs["StreamName"], TargetShardCount=shards, ScalingType="UNIFORM_SCALING"
        )
    since = int(time.time() * 1000)
    aside = {*stream.set_aside("malformed/")}
    assert stream.set_aside(SET_ASIDE) == []
    sent = made(seed=21)
    quarter = len(sent.records) // 4
    parts = [sent.records[place : place + quarter] for place in range(0, len(sent.records), quarter)]
    poison = (
        "poison",
        log_line("/iiif/3/poison.jpg/full/max/0/default.webp", request_id="poison", second=time.time()),
    )
    stream.put(parts[0])
    stream.put([*parts[1][:100], poison, *parts[1][100:]])
    reshard(stream)
    stream.put(parts[2])
    with without(stream.client, role_of(stream.client, stream.outputs["FunctionName"]), "dynamodb:GetItem"):
        for part in parts[3:]:
            stream.put(part)
        until = time.monotonic() + FAILING_SECONDS
        eventually(lambda: time.monotonic() > until)
    (killed,) = eventually(lambda: [*bodies(stream, SET_ASIDE, set())], seconds=900)
    payload = json.loads(json.loads(killed)["payload"])["Records"]
    assert [base64.b64decode(one["kinesis"]["data"]) for one in payload] == [poison[1]]
    ours = sent.views.keys()
    eventually(lambda: all(stream.views()[image] >= sent.views[image] for image in ours), seconds=900)
    eventually(lambda: stream.behind() == 0, seconds=900)

    views = stream.views()
    counted = lines_counted(stream, since)
    told = [json.loads(line) for body in bodies(stream, "malformed/", aside) for line in body.splitlines()]
    again = sum(views[image] - sent.views[image] for image in ours)
    report = Report(
        sent=len(sent.records) + 1,
        views=sent.views.total(),
        repeated=counted["Repeated"],
        again=again,
        malformed=len({one["sequence"] for one in told}),
        killed=len(payload),
    )
    print(report)
    assert report.unaccounted == 0
    assert report.repeated + report.again == sent.twice.total()
    assert all(0 <= views[image] - sent.views[image] <= sent.twice[image] for image in ours)
    assert sorted(base64.b64decode(one["data"]) for one in told) == sorted(sent.malformed)
    assert all("tab-separated" in one["reason"] for one in told)
    assert "iiif/poison.jpg" not in views
    assert stream.redrive() == (1, 1)
    deployment.aws.most_hidden.write_text("1")
