"""StreamPattern's template, and what `views=on` adds to the templates with distributions."""

from typing import Any

import pytest

from lambda_src.views.batch import PART_SECONDS
from lambda_src.views.log_lines import FIELDS
from tests.synth.conftest import Synth, Template, one_named, only, resources

STACK = "StreamPattern"


@pytest.fixture(scope="module")
def template(synth: Synth) -> Template:
    return synth(STACK)


@pytest.fixture(scope="module")
def mapping(template: Template) -> dict[str, Any]:
    return only(template, "AWS::Lambda::EventSourceMapping")


def named(template: Template, kind: str, start: str) -> str:
    return one_named(template, kind, start)[0]


def test_the_event_source_mapping_loses_nothing_and_is_held_up_by_nothing(
    template: Template, mapping: dict[str, Any]
) -> None:
    bucket = named(template, "AWS::S3::Bucket", "SetAside")
    assert mapping == {
        "FunctionName": {"Ref": named(template, "AWS::Lambda::Function", "Function")},
        "EventSourceArn": {"Fn::GetAtt": [named(template, "AWS::Kinesis::Stream", "Stream"), "Arn"]},
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 2000,
        "MaximumBatchingWindowInSeconds": 10,
        "ParallelizationFactor": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 20,
        "MaximumRecordAgeInSeconds": 23 * 3600,
        "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": [bucket, "Arn"]}}},
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }


def test_records_are_set_aside_before_the_stream_forgets_them(
    template: Template, mapping: dict[str, Any]
) -> None:
    stream = only(template, "AWS::Kinesis::Stream")
    assert mapping["MaximumRecordAgeInSeconds"] < stream["RetentionPeriodHours"] * 3600


def test_the_stream_has_one_shard_or_is_on_demand(template: Template, synth: Synth) -> None:
    encrypted = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
    common = {"RetentionPeriodHours": 24, "StreamEncryption": encrypted}
    assert only(template, "AWS::Kinesis::Stream") == {
        **common,
        "ShardCount": 1,
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
    }
    assert only(synth(STACK, stream="on-demand"), "AWS::Kinesis::Stream") == {
        **common,
        "StreamModeDetails": {"StreamMode": "ON_DEMAND"},
    }


def test_views_expire_and_are_keyed_by_image_and_minute(template: Template) -> None:
    table = only(template, "AWS::DynamoDB::Table")
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [
        ("image", "HASH"),
        ("at", "RANGE"),
    ]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_function_may_write_failed_records_and_may_not_read_them(template: Template) -> None:
    (_, policy) = one_named(template, "AWS::IAM::Policy", "FunctionRole")
    bucket = named(template, "AWS::S3::Bucket", "SetAside")
    found = {
        action: one["Resource"]
        for one in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
        if action.startswith("s3:")
    }
    under = [
        {"Fn::Join": ["", [{"Fn::GetAtt": [bucket, "Arn"]}, f"/{prefix}*"]]}
        for prefix in ("aws/lambda/", "malformed/")
    ]
    assert found == {"s3:PutObject": under, "s3:ListBucket": {"Fn::GetAtt": [bucket, "Arn"]}}


def test_the_mapping_is_made_after_the_role_may_read_the_stream(template: Template) -> None:
    (_, made) = one_named(template, "AWS::Lambda::EventSourceMapping", "Function")
    assert named(template, "AWS::IAM::Policy", "FunctionRole") in made["DependsOn"]


def test_the_alarms_on_records_watch_the_metrics_that_they_name(template: Template) -> None:
    function = {"Ref": named(template, "AWS::Lambda::Function", "Function")}
    mapping = {"Ref": named(template, "AWS::Lambda::EventSourceMapping", "Function")}
    stream = {"Ref": named(template, "AWS::Kinesis::Stream", "Stream")}
    ours = ("lof-StreamPattern", {"service": "views"})
    expected = {
        "IteratorAge": ("AWS/Lambda", {"FunctionName": function}, "IteratorAge", "Maximum", 1_800_000, 2, 2),
        "Refused": (
            *("AWS/Kinesis", {"StreamName": stream}, "WriteProvisionedThroughputExceeded", "Sum"),
            *(1, 1, 1),
        ),
        "NotCounted": (*ours, "NotCounted", "Sum", 1, 6, 3),
        "Malformed": (*ours, "Malformed", "Sum", 1, 3, 3),
        "SetAside": (
            *("AWS/Lambda", {"EventSourceMappingUUID": mapping}),
            *("OnFailureDestinationDeliveredEventCount", "Sum", 1, 1, 1),
        ),
        "NotSetAside": (
            *("AWS/Lambda", {"FunctionName": function}, "DestinationDeliveryFailures", "Sum"),
            *(1, 1, 1),
        ),
    }
    for name, wanted in expected.items():
        (_, alarm) = one_named(template, "AWS::CloudWatch::Alarm", f"Alarms{name}")
        found = alarm["Properties"]
        dimensions = {one["Name"]: one["Value"] for one in found["Dimensions"]}
        assert wanted == (
            *(found["Namespace"], dimensions, found["MetricName"], found["Statistic"]),
            *(found["Threshold"], found["EvaluationPeriods"], found["DatapointsToAlarm"]),
        )
    (_, unread) = one_named(template, "AWS::CloudWatch::Alarm", "AlarmsUnread")
    expression, *metrics = unread["Properties"]["Metrics"]
    assert expression["Expression"] == "IF(FILL(came, 0) > 0 AND FILL(called, 0) < 1, 1, 0)"
    read = {one["Id"]: one["MetricStat"]["Metric"] for one in metrics}
    assert {name: one["MetricName"] for name, one in read.items()} == {
        "came": "IncomingRecords",
        "called": "Invocations",
    }


def test_the_functions_timeout_is_at_least_twice_that_of_a_part(template: Template) -> None:
    (_, function) = one_named(template, "AWS::Lambda::Function", "Function")
    assert function["Properties"]["Timeout"] >= 2 * PART_SECONDS


def test_the_bucket_outlives_whatever_writes_to_it(template: Template) -> None:
    """CloudFormation deletes in reverse order: the bucket is emptied after the mapping is gone."""
    emptied = named(template, "Custom::S3AutoDeleteObjects", "SetAside")
    for kind in ("AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping"):
        assert emptied in one_named(template, kind, "Function")[1]["DependsOn"]


@pytest.mark.parametrize("settings", [{}, {"views": "on"}, {"stream": "on-demand"}])
def test_the_stream_is_exported_whether_somebody_imports_it_or_not(
    synth: Synth, settings: dict[str, str]
) -> None:
    exported = [one for one in synth(STACK, **settings)["Outputs"].values() if "Export" in one]
    assert [one["Value"]["Fn::GetAtt"][1] for one in exported] == ["Arn"]


DISTRIBUTIONS = {
    "FargatePattern": "FrontDoorDistribution",
    "LambdaService": "FrontDoorDistribution",
    "HybridPattern": "Tiles",
    "QueuePattern": "Tiles",
}
"""By stack, how the logical ID of its distribution begins."""


def test_with_views_each_distribution_logs_its_requests_and_no_viewer(synth: Synth) -> None:
    for stack, distribution in DISTRIBUTIONS.items():
        template = synth(stack, views="on")
        ((name, logs),) = resources(template, "AWS::CloudFront::RealtimeLogConfig").items()
        assert logs["Properties"]["Fields"] == [*FIELDS]
        assert logs["Properties"]["SamplingRate"] == 100
        parts = logs["Properties"]["Name"]["Fn::Join"][1]
        assert parts == [f"lof-{stack}-ViewLogs-", {"Ref": "AWS::Region"}]
        (end,) = logs["Properties"]["EndPoints"]
        stream = end["KinesisStreamConfig"]["StreamArn"]
        assert stream["Fn::ImportValue"].startswith("lof-StreamPattern:")
        (_, made) = one_named(template, "AWS::CloudFront::Distribution", distribution)
        default = made["Properties"]["DistributionConfig"]["DefaultCacheBehavior"]
        assert default["RealtimeLogConfigArn"] == {"Fn::GetAtt": [name, "Arn"]}
        (_, role) = one_named(template, "AWS::IAM::Role", "ViewLogsRole")
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        (policy_name, policy) = one_named(template, "AWS::IAM::Policy", "ViewLogsRole")
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Resource"] == stream
        assert statement["Action"] == [
            f"kinesis:{one}" for one in ("DescribeStream", "DescribeStreamSummary", "PutRecord", "PutRecords")
        ]
        assert policy_name in logs["DependsOn"]


def test_without_views_no_distribution_mentions_the_stream(synth: Synth) -> None:
    for stack in DISTRIBUTIONS:
        assert STACK not in str(synth(stack))
        assert resources(synth(stack), "AWS::CloudFront::RealtimeLogConfig") == {}
