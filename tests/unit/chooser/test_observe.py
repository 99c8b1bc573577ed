"""A workload read from CloudWatch: the metrics of a known workload yield the same workload again."""

import json
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.cloudwatch.models import Statistics

from chooser.__main__ import main
from chooser.keys import WorkloadError, parse
from chooser.observed.function import report

REGION = "eu-central-1"
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
DAYS = 3
HOURLY = [60 * (1 + hour % 12) for hour in range(24)]
"""Requests in each hour of a day, in UTC: one to twelve per minute."""


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr("chooser.observe.now", lambda: NOW)
    known = Statistics.get_statistics_for_type

    def most(self: Statistics, stat: str) -> Any:
        """Return the maximum in place of a percentile, which moto does not know."""
        self.stats = ["Maximum" if stat == "p99" else stat]
        return known(self, self.stats[0])

    monkeypatch.setattr(Statistics, "get_statistics_for_type", most)
    with mock_aws():
        yield


def put(
    namespace: str, name: str, dimensions: dict[str, str], each: list[tuple[datetime, float, float]]
) -> None:
    """Put a metric's data. each: a time, a value, and how many samples have it."""
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    data: Any = [
        {
            "MetricName": name,
            "Dimensions": named,
            "Timestamp": at,
            "StatisticValues": {
                "SampleCount": count,
                "Sum": value * count,
                "Minimum": value,
                "Maximum": value,
            },
        }
        for at, value, count in each
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)


def hours() -> list[datetime]:
    return [NOW - timedelta(hours=back) for back in range(DAYS * 24, 0, -1)]


def function(*, idle: bool = False) -> None:
    roles = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    boto3.client("lambda").create_function(
        FunctionName="thumbs",
        Runtime="python3.13",
        Role=roles["Role"]["Arn"],
        Handler="a.b",
        Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
        MemorySize=1024,
        Architectures=["arm64"],
    )
    of = {"FunctionName": "thumbs"}
    if idle:
        return
    put("AWS/Lambda", "Invocations", of, [(at, 1, HOURLY[at.hour]) for at in hours()])
    put("AWS/Lambda", "Duration", of, [(at, 200 + 100 * (at.hour % 3), HOURLY[at.hour]) for at in hours()])
    put("AWS/Lambda", "Errors", of, [(NOW - timedelta(hours=2), 1, 7)])
    put("AWS/Lambda", "ConcurrentExecutions", of, [(NOW - timedelta(hours=2), 3, 1)])


def seen(capsys: pytest.CaptureFixture[str], what: str) -> tuple[str, dict[str, Any]]:
    assert main(["observe", what, "--days", str(DAYS)]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    return said, tomllib.loads(said)


def test_a_known_function_comes_back_within_five_percent(capsys: pytest.CaptureFixture[str]) -> None:
    function()
    put("LambdaInsights", "cpu_total_time", {"function_name": "thumbs"}, [(at, 80, 10) for at in hours()])
    group, runs = "/aws/lambda/thumbs", DAYS * sum(HOURLY)
    put(
        "AWS/Logs",
        "IncomingBytes",
        {"LogGroupName": group},
        [(at, 900 * HOURLY[at.hour], 1) for at in hours()],
    )
    reports(group, inits=4, warm=96)
    said, values = seen(capsys, "lambda:thumbs")
    load = parse(values)
    average = sum(HOURLY[hour] * (200 + 100 * (hour % 3)) for hour in range(24)) / sum(HOURLY)
    wanted = {
        "requests": sum(HOURLY) * 365 / 12,
        "peak_per_second": max(HOURLY) / 60,  # put() puts an hour's requests into one minute
        "cpu_ms": 80,
        "log_kb": 0.9,
        "init_ms": 250,
        "cold_share": 0.04,
    }
    for key, value in wanted.items():
        assert getattr(load, key) == pytest.approx(value, rel=0.05), key
    assert load.duration_ms == {"arm64": pytest.approx(average, rel=0.05)}
    assert [one / max(load.hours) for one in load.hours] == pytest.approx(
        [one / max(HOURLY) for one in HOURLY], rel=0.05
    )
    assert (load.name, load.region, load.memory_mb) == ("thumbs", REGION, 1024)
    assert load.longest_seconds == 0.4
    assert f"7 of {runs:,} failed" in said
    assert "180 MB were used at most" in said


def reports(group: str, inits: int, warm: int) -> None:
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    text = "REPORT RequestId: 1\tDuration: 9.1 ms\tMemory Size: 1024 MB\tMax Memory Used: 180 MB"
    metrics = {"durationMs": 9.1, "maxMemoryUsedMB": 150}
    lines = [f"{text}\tInit Duration: 250.00 ms\t"] * (inits // 2)
    with_init = {"type": "platform.report", "record": {"metrics": {**metrics, "initDurationMs": 250}}}
    lines += [json.dumps(with_init)] * (inits - inits // 2)
    lines += [text, json.dumps({"type": "platform.report", "record": {"metrics": metrics}})] * (warm // 2)
    at = int((NOW - timedelta(hours=3)).timestamp() * 1000)
    events = [{"timestamp": at + number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_hours_are_of_utc_wherever_the_machine_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        function()
        _, values = seen(capsys, "lambda:thumbs")
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    most = max(values["hours"])
    assert [one / most for one in values["hours"]] == pytest.approx(
        [one / max(HOURLY) for one in HOURLY], rel=0.05
    )


def test_a_job_that_runs_once_a_day_is_counted_over_the_window(capsys: pytest.CaptureFixture[str]) -> None:
    function(idle=True)
    of = {"FunctionName": "thumbs"}
    days = [NOW - timedelta(days=back, hours=-5) for back in range(DAYS, 0, -1)]
    put("AWS/Lambda", "Invocations", of, [(at, 1, 1) for at in days])
    put("AWS/Lambda", "Duration", of, [(at, 10.06, 1) for at in days])
    _, values = seen(capsys, "lambda:thumbs")
    load = parse(values)
    assert load.requests == pytest.approx(365 / 12, rel=0.05)
    assert load.longest_seconds == pytest.approx(0.01006)


def test_an_input_that_the_caller_may_not_read_is_a_comment_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    function()

    def refused(*_: Any, **__: Any) -> Any:
        told: Any = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}
        raise ClientError(told, "FilterLogEvents")

    monkeypatch.setattr("chooser.observed.function._reports", refused)
    said, values = seen(capsys, "lambda:thumbs")
    assert parse(values)
    assert "# init_ms: not seen: An error occurred (AccessDeniedException)" in said


def test_an_input_that_was_not_seen_is_a_comment(capsys: pytest.CaptureFixture[str]) -> None:
    function()
    said, values = seen(capsys, "lambda:thumbs")
    assert parse(values)
    assert not {"cpu_ms", "init_ms", "cold_share", "log_kb"} & values.keys()
    for key in ("cpu_ms", "init_ms", "cold_share", "log_kb", "front_door", "attempts"):
        assert f"\n# {key}: not seen" in said


def service(*, balanced: bool) -> dict[str, str]:
    ecs, ec2, elb = boto3.client("ecs"), boto3.client("ec2"), boto3.client("elbv2")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(
        family="t",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="512",
        memory="1024",
        runtimePlatform={"cpuArchitecture": "ARM64"},
        containerDefinitions=[{"name": "a", "image": "a", "memory": 1024}],
    )
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"][:2]]
    balancer = elb.create_load_balancer(Name="b", Subnets=subnets, Scheme="internet-facing")["LoadBalancers"][
        0
    ]["LoadBalancerArn"]
    group = elb.create_target_group(Name="g", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    arn = group["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )
    behind: Any = [{"targetGroupArn": arn, "containerName": "a", "containerPort": 80}]
    ecs.create_service(
        cluster="c",
        serviceName="s",
        taskDefinition="t",
        desiredCount=1,
        loadBalancers=behind if balanced else [],
    )
    return {"TargetGroup": arn.rpartition(":")[2], "LoadBalancer": balancer.rpartition(":loadbalancer/")[2]}


def test_a_known_service_comes_back_within_five_percent(capsys: pytest.CaptureFixture[str]) -> None:
    of, tasks = service(balanced=True), {"ClusterName": "c", "ServiceName": "s"}
    put("AWS/ApplicationELB", "RequestCount", of, [(at, 1, HOURLY[at.hour]) for at in hours()])
    put("AWS/ApplicationELB", "TargetResponseTime", of, [(at, 0.12, HOURLY[at.hour]) for at in hours()])
    put("AWS/ECS", "CPUUtilization", tasks, [(at, 25, 120) for at in hours()])  # two tasks, a sample a minute
    put("AWS/ECS", "MemoryUtilization", tasks, [(at, 40, 120) for at in hours()])
    said, values = seen(capsys, "ecs:c/s")
    load = parse(values)
    assert load.requests == pytest.approx(sum(HOURLY) * 365 / 12, rel=0.05)
    assert load.duration_ms == {"arm64": pytest.approx(120)}
    seconds_of_cpu = 24 * 3600 * 2 * 0.25 * 0.5
    assert load.cpu_ms == pytest.approx(seconds_of_cpu / sum(HOURLY) * 1000, rel=0.05)
    assert "a task used 410 MB on average" in said
    assert (load.assumed, load.internet) == (("memory_mb",), True)


@pytest.mark.parametrize("balanced", [False, True])
def test_a_service_without_request_metrics_says_that_its_requests_were_not_seen(
    capsys: pytest.CaptureFixture[str], balanced: bool
) -> None:
    service(balanced=balanced)
    said, values = seen(capsys, "ecs:c/s")
    with pytest.raises(WorkloadError, match="requests, duration_ms: missing"):
        parse(values)
    none = "CloudWatch has recorded no requests" if balanced else "no Application Load Balancer counts them."
    assert f"# requests: not seen: {none}" in said


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["lambda:none"], "Function not found"),
        (["ecs:c/none"], "Cluster not found"),
        (["s3:bucket"], "must be lambda:NAME or ecs:CLUSTER/SERVICE"),
        (["ecs:c"], "must be lambda:NAME or ecs:CLUSTER/SERVICE"),
        (["lambda:a", "--days", "0"], "must be 1 to 60"),
    ],
)
def test_an_unknown_resource_or_invalid_argument_is_an_error_that_says_why(
    capsys: pytest.CaptureFixture[str], asked: list[str], why: str
) -> None:
    assert main(["observe", *asked]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: ")
    assert why in said.err


def test_a_function_without_invocations_is_an_error_that_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    function(idle=True)
    assert main(["observe", "lambda:thumbs"]) == 1
    assert "CloudWatch has recorded no invocations since " in capsys.readouterr().err


def test_a_restore_of_a_snapshot_counts_as_a_start() -> None:
    text = "REPORT RequestId: 1\tMax Memory Used: 180 MB\tRestore Duration: 310.50 ms\t"
    assert report(text) == (180, 310.5)
    restored = {"record": {"metrics": {"maxMemoryUsedMB": 1, "restoreDurationMs": 310.5}}}
    assert report(json.dumps(restored)) == (1, 310.5)


def test_a_line_that_is_not_a_report_gives_none() -> None:
    assert report("START RequestId: 1") is None
    assert report('{"record": {"metrics": []}}') is None
    assert report("[1") is None
