"""HybridPattern's template: its permissions, event rules, queue, table and alarms."""

from typing import Any

import pytest

from runtime.jobs import table
from runtime.jobs.task_launcher import CONTAINER
from runtime.placement.limits import FARGATE_SIZES
from stacks.hybrid_pattern.job_table import OPEN_INDEX
from stacks.hybrid_pattern.tracker import MAX_CONCURRENCY
from tests.synth.conftest import Synth, Template, one_named, only, resources


@pytest.fixture(scope="module")
def hybrid(synth: Synth) -> Template:
    return synth("HybridPattern")


def statements(template: Template, policy: str) -> list[dict[str, Any]]:
    _, found = one_named(template, "AWS::IAM::Policy", policy)
    return list(found["Properties"]["PolicyDocument"]["Statement"])


def allowed(template: Template, policy: str) -> set[str]:
    found = [one["Action"] for one in statements(template, policy)]
    return {action for one in found for action in ([one] if isinstance(one, str) else one)}


def test_videos_have_entry_points_of_their_own_and_the_same_rights(synth: Synth, hybrid: Template) -> None:
    videos = synth("HybridPattern", videos="on", max_video_seconds="60")
    for template, suffix in ((hybrid, ""), (videos, "_videos")):
        _, function = one_named(template, "AWS::Lambda::Function", "Dispatcher")
        told = function["Properties"]["Environment"]["Variables"]
        assert function["Properties"]["Handler"] == f"lambda_src.dispatcher{suffix}.handler.handler"
        assert told["POWERTOOLS_SERVICE_NAME"] == "dispatcher", "the alarms ask by this name"
        assert told.get("MAX_VIDEO_SECONDS") == ("60" if suffix else None)
        task = only(template, "AWS::ECS::TaskDefinition")
        (container,) = task["ContainerDefinitions"]
        assert container["Command"] == [f"container.worker{suffix}"]
        variables = {one["Name"]: one["Value"] for one in container["Environment"]}
        assert variables.get("MAX_VIDEO_SECONDS") == ("60" if suffix else None)
    assert [*resources(videos, "AWS::IAM::Policy").values()] == [
        *resources(hybrid, "AWS::IAM::Policy").values()
    ]


PUBLISHING = {
    "s3:GetObjectVersion",
    "s3:PutObject",
    "s3:GetObject",
    "s3:DeleteObject",
    "s3:PutObjectTagging",
    "s3:ListBucket",
}
FUNCTION = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
}


def test_each_role_may_do_just_what_is_listed_here(hybrid: Template) -> None:
    table_ = {"dynamodb:GetItem", "dynamodb:PutItem"}
    starting = {"ecs:RunTask", "iam:PassRole"}
    following = {"ecs:DescribeTasks", "ecs:StopTask", "sqs:SendMessage", "dynamodb:Query"}
    assert allowed(hybrid, "DispatcherRole") == FUNCTION | PUBLISHING | table_ | starting
    removing = {"dynamodb:DeleteItem", "cloudfront:CreateInvalidation"}
    assert allowed(hybrid, "TrackerRole") == FUNCTION | table_ | following | removing
    assert allowed(hybrid, "WorkerWorkerTaskTaskRole") == PUBLISHING | table_ | {"dynamodb:UpdateItem"}


def test_the_dispatcher_starts_this_definition_on_this_cluster_and_passes_its_two_roles(
    hybrid: Template,
) -> None:
    by_action = {
        one["Action"]: one
        for one in statements(hybrid, "DispatcherRole")
        if isinstance(one["Action"], str) and one["Action"].partition(":")[0] in ("ecs", "iam")
    }
    family = only(hybrid, "AWS::ECS::TaskDefinition")["Family"]
    cluster, _ = one_named(hybrid, "AWS::ECS::Cluster", "Worker")
    assert by_action["ecs:RunTask"]["Resource"]["Fn::Join"][1][-1].endswith(f":task-definition/{family}:*")
    assert by_action["ecs:RunTask"]["Condition"] == {
        "ArnEquals": {"ecs:cluster": {"Fn::GetAtt": [cluster, "Arn"]}}
    }
    roles = [one["Fn::GetAtt"][0] for one in by_action["iam:PassRole"]["Resource"]]
    assert sorted(name[:24] for name in roles) == ["WorkerWorkerTaskExecutio", "WorkerWorkerTaskTaskRole"]
    assert by_action["iam:PassRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }


def test_the_container_has_no_limits_and_the_longest_stop_timeout(hybrid: Template) -> None:
    properties = only(hybrid, "AWS::ECS::TaskDefinition")
    (container,) = properties["ContainerDefinitions"]
    assert not {"Cpu", "Memory", "MemoryReservation"} & {*container}
    assert (container["Name"], container["StopTimeout"]) == (CONTAINER, 120)
    assert container["User"] == "10001:10001"
    assert container["ReadonlyRootFilesystem"] is True
    assert int(properties["Memory"]) in FARGATE_SIZES[int(properties["Cpu"])]


def test_no_function_is_in_a_vpc(hybrid: Template) -> None:
    assert all(
        "VpcConfig" not in one["Properties"] for one in resources(hybrid, "AWS::Lambda::Function").values()
    )


def test_the_rule_takes_only_this_clusters_tasks_that_stopped(hybrid: Template) -> None:
    _, rule = one_named(hybrid, "AWS::Events::Rule", "StopsRule")
    cluster, _ = one_named(hybrid, "AWS::ECS::Cluster", "Worker")
    assert rule["Properties"]["EventPattern"] == {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [{"Fn::GetAtt": [cluster, "Arn"]}], "lastStatus": ["STOPPED"]},
    }


def test_the_sweep_runs_every_five_minutes_and_goes_to_the_same_queue(hybrid: Template) -> None:
    _, sweep = one_named(hybrid, "AWS::Events::Rule", "StopsSweep")
    _, rule = one_named(hybrid, "AWS::Events::Rule", "StopsRule")
    assert sweep["Properties"]["ScheduleExpression"] == "rate(5 minutes)"
    assert sweep["Properties"]["Targets"] == rule["Properties"]["Targets"]


def test_an_invocation_gets_one_message_which_is_hidden_for_six_timeouts(hybrid: Template) -> None:
    name, queue = one_named(hybrid, "AWS::SQS::Queue", "UploadsQueue")
    _, function = one_named(hybrid, "AWS::Lambda::Function", "Dispatcher")
    assert queue["Properties"]["VisibilityTimeout"] == 6 * function["Properties"]["Timeout"] == 1800
    mappings = resources(hybrid, "AWS::Lambda::EventSourceMapping").values()
    (mapping,) = (
        one["Properties"]
        for one in mappings
        if one["Properties"]["EventSourceArn"] == {"Fn::GetAtt": [name, "Arn"]}
    )
    assert (mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])


@pytest.mark.parametrize(("queue", "most"), [("UploadsQueue", 4), ("StopsQueue", MAX_CONCURRENCY)])
def test_the_concurrency_of_both_functions_is_limited(hybrid: Template, queue: str, most: int) -> None:
    name, _ = one_named(hybrid, "AWS::SQS::Queue", queue)
    (mapping,) = (
        one["Properties"]
        for one in resources(hybrid, "AWS::Lambda::EventSourceMapping").values()
        if one["Properties"]["EventSourceArn"] == {"Fn::GetAtt": [name, "Arn"]}
    )
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": most}


def test_a_job_in_the_function_leaves_disk_to_other_files(hybrid: Template) -> None:
    _, function = one_named(hybrid, "AWS::Lambda::Function", "Dispatcher")
    told = int(function["Properties"]["Environment"]["Variables"]["LAMBDA_DISK_MB"])
    assert 0 < told < function["Properties"]["EphemeralStorage"]["Size"]


def test_the_tables_index_is_the_one_that_the_code_queries(hybrid: Template) -> None:
    properties = only(hybrid, "AWS::DynamoDB::Table")
    (index,) = properties["GlobalSecondaryIndexes"]
    assert index["IndexName"] == OPEN_INDEX == table.OPEN_INDEX
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["queue", "due"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


def test_in_production_the_table_is_retained_and_has_point_in_time_recovery(synth: Synth) -> None:
    ((_, resource),) = resources(synth("HybridPattern", stage="production"), "AWS::DynamoDB::Table").items()
    assert resource["DeletionPolicy"] == "Retain"
    assert resource["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert resource["Properties"]["DeletionProtectionEnabled"] is True


def test_cloudfront_reads_only_results_and_the_root_is_not_a_listing(hybrid: Template) -> None:
    bucket, _ = one_named(hybrid, "AWS::S3::Bucket", "Output")
    _, policy = one_named(hybrid, "AWS::S3::BucketPolicy", "Output")
    found = {
        one["Action"]: one["Resource"]
        for one in policy["Properties"]["PolicyDocument"]["Statement"]
        if one["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    }
    arn = {"Fn::GetAtt": [bucket, "Arn"]}
    assert {*found} == {"s3:GetObject", "s3:ListBucket"}
    assert found["s3:GetObject"] == {"Fn::Join": ["", [arn, "/v/*"]]}
    assert arn in found["s3:ListBucket"]
    config = only(hybrid, "AWS::CloudFront::Distribution")["DistributionConfig"]
    assert config["DefaultRootObject"]
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"


def test_spot_adds_capacity_providers_without_a_default_strategy(synth: Synth) -> None:
    kind = "AWS::ECS::ClusterCapacityProviderAssociations"
    assert resources(synth("HybridPattern"), kind) == {}
    template = synth("HybridPattern", spot="on")
    association = only(template, kind)
    assert association["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert association["DefaultCapacityProviderStrategy"] == []
    tiles, _ = one_named(template, "AWS::CloudFront::Distribution", "Tiles")
    (whole,) = resources(template, kind).values()
    assert tiles in whole["DependsOn"]  # creating it takes minutes; by then ECS has its service-linked role


@pytest.mark.parametrize(("egress", "address"), [("public-ip", "on"), ("nat", "off"), ("endpoints", "off")])
def test_tasks_get_a_public_address_only_with_public_ip_egress(
    synth: Synth, egress: str, address: str
) -> None:
    _, function = one_named(synth("HybridPattern", egress=egress), "AWS::Lambda::Function", "Dispatcher")
    assert function["Properties"]["Environment"]["Variables"]["PUBLIC_IP"] == address


def test_alarms_on_what_sweeps_count_allow_for_periods_without_a_sweep(hybrid: Template) -> None:
    """Sweeps come every five minutes, and periods last as long: jitter leaves some periods empty."""
    for name, most in (("AlarmsJobsWaiting", 12), ("AlarmsJobsOverdue", 3)):
        _, alarm = one_named(hybrid, "AWS::CloudWatch::Alarm", name)
        assert alarm["Properties"]["EvaluationPeriods"] == most
        assert alarm["Properties"]["DatapointsToAlarm"] < most


def test_the_tiles_distribution_allows_only_get_and_head(hybrid: Template) -> None:
    behavior = only(hybrid, "AWS::CloudFront::Distribution")["DistributionConfig"]["DefaultCacheBehavior"]
    assert behavior["AllowedMethods"] == ["GET", "HEAD"]


@pytest.mark.parametrize("setting", ["off", "on"])
def test_functions_that_start_tasks_are_told_whether_exec_is_on(synth: Synth, setting: str) -> None:
    functions = resources(synth("HybridPattern", exec=setting), "AWS::Lambda::Function")
    told = {
        one["Properties"]["Environment"]["Variables"].get("EXEC", "off")
        for one in functions.values()
        if "TASK_DEFINITION" in one["Properties"].get("Environment", {}).get("Variables", {})
    }
    assert told == {setting}
