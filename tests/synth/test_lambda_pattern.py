"""LambdaPattern's template: its function, permissions, queues, retention and alarms."""

from typing import Any

import pytest

from tests.synth.conftest import Synth, Template, one_named, only, resources

STACK = "LambdaPattern"


@pytest.fixture(scope="module")
def template(synth: Synth) -> Template:
    return synth(STACK)


def function_of(template: Template) -> dict[str, Any]:
    return one_named(template, "AWS::Lambda::Function", "Function")[1]


def statements(template: Template) -> list[dict[str, Any]]:
    """Return the statements of the function's role."""
    (_, policy) = one_named(template, "AWS::IAM::Policy", "FunctionRole")
    return [
        {**one, "Action": _list(one["Action"]), "Resource": _list(one["Resource"])}
        for one in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_function_is_python_on_arm_with_one_vcpu(template: Template) -> None:
    function = function_of(template)["Properties"]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert (function["MemorySize"], function["Timeout"]) == (1769, 120)
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["Environment"]["Variables"]["VIPS_CONCURRENCY"] == "1"


def test_the_architecture_setting_moves_the_function_and_its_package(
    template: Template, synth: Synth
) -> None:
    arm, x86 = (function_of(one)["Properties"] for one in (template, synth(STACK, architecture="x86_64")))
    assert x86["Architectures"] == ["x86_64"]
    assert x86["Code"] != arm["Code"]


def test_the_function_logs_only_into_its_own_group_which_expires(template: Template) -> None:
    (name, group) = one_named(template, "AWS::Logs::LogGroup", "FunctionLogs")
    assert group["Properties"]["RetentionInDays"] == 7
    assert function_of(template)["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": name}
    (writes,) = [one for one in statements(template) if "logs:PutLogEvents" in one["Action"]]
    assert writes["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}]
    assert set(writes["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert "ManagedPolicyArns" not in one_named(template, "AWS::IAM::Role", "FunctionRole")[1]["Properties"]


def test_uploads_and_deletions_of_the_source_reach_the_queue_or_a_dead_letter_queue(
    template: Template,
) -> None:
    source, _ = one_named(template, "AWS::S3::Bucket", "Source")
    queue, _ = one_named(template, "AWS::SQS::Queue", "UploadsQueue")
    undelivered, _ = one_named(template, "AWS::SQS::Queue", "UploadsUndelivered")
    rule = only(template, "AWS::Events::Rule")
    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": {"bucket": {"name": [{"Ref": source}]}},
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": [undelivered, "Arn"]}


def test_a_message_is_tried_five_times_and_hidden_for_six_timeouts(template: Template) -> None:
    _, queue = one_named(template, "AWS::SQS::Queue", "UploadsQueue")
    dead_letters, dead = one_named(template, "AWS::SQS::Queue", "UploadsDeadLetters")
    kept, kept_dead = (one["Properties"]["MessageRetentionPeriod"] for one in (queue, dead))
    assert kept < kept_dead == 14 * 86400, "a dead letter's age counts from when it was first sent"
    assert queue["Properties"]["VisibilityTimeout"] == 6 * function_of(template)["Properties"]["Timeout"]
    assert queue["Properties"]["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead_letters, "Arn"]},
        "maxReceiveCount": 5,
    }


def test_only_the_messages_that_failed_come_again(template: Template) -> None:
    mapping = only(template, "AWS::Lambda::EventSourceMapping")
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_source_keeps_versions_and_speaks_to_eventbridge_itself(template: Template) -> None:
    _, source = one_named(template, "AWS::S3::Bucket", "Source")
    assert source["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    enabled = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert source["Properties"]["NotificationConfiguration"] == enabled
    assert "Custom::S3BucketNotifications" not in {one["Type"] for one in template["Resources"].values()}


GRANTED = {
    "logs": "CreateLogStream PutLogEvents on FunctionLogs",
    "xray": "PutTelemetryRecords PutTraceSegments on *",
    "sqs": (
        "ReceiveMessage DeleteMessage ChangeMessageVisibility GetQueueUrl GetQueueAttributes on UploadsQueue"
    ),
}
ON_OBJECTS = {
    ("s3:GetObjectVersion", "Source/*"),
    ("s3:ListBucket", "Source"),
    ("s3:ListBucket", "Output"),
    *(("s3:PutObject", f"Output/{prefix}/*") for prefix in ("v", "latest", "rejected")),
    *(("s3:GetObject", f"Output/{prefix}/*") for prefix in ("v", "latest")),
    *(("s3:DeleteObject", f"Output/{prefix}/*") for prefix in ("v", "rejected")),
    ("s3:PutObjectTagging", "Output/latest/*"),
}


def plain(resource: Any) -> str:
    """Return a resource as its logical id without the hash, plus what is appended, such as `Output/v/*`."""
    if isinstance(resource, dict) and "Fn::Join" in resource:
        return "".join(map(plain, resource["Fn::Join"][1]))
    return resource if isinstance(resource, str) else str(resource["Fn::GetAtt"][0])[:-8]


def test_the_function_may_do_just_what_is_listed_here(template: Template) -> None:
    """It cannot write to the source, so its own output can never trigger it again."""
    granted = {
        (action, plain(resource))
        for one in statements(template)
        for action in one["Action"]
        for resource in one["Resource"]
    }
    others = {
        (f"{service}:{action}", target)
        for service, line in GRANTED.items()
        for actions, target in [line.split(" on ")]
        for action in actions.split()
    }
    assert granted == ON_OBJECTS | others


def test_rekognition_is_allowed_only_with_labels_on(template: Template, synth: Synth) -> None:
    with_labels = synth(STACK, labels="on")
    off, on = (
        {action for one in statements(it) for action in one["Action"]} for it in (template, with_labels)
    )
    assert on - off == {"rekognition:DetectLabels"}
    assert off < on
    assert function_of(with_labels)["Properties"]["Environment"]["Variables"]["LABELS"] == "on"


def test_the_limits_reach_the_function(synth: Synth) -> None:
    variables = function_of(synth(STACK, max_pixels="5000000", max_bytes="1000"))["Properties"][
        "Environment"
    ]["Variables"]
    assert (variables["MAX_PIXELS"], variables["MAX_BYTES"]) == ("5000000", "1000")


def lifecycle(template: Template, bucket: str) -> list[dict[str, Any]]:
    _, resource = one_named(template, "AWS::S3::Bucket", bucket)
    return list(resource["Properties"]["LifecycleConfiguration"]["Rules"])


def test_rejections_and_tombstones_expire_and_results_do_not(template: Template) -> None:
    expiring = [one for one in lifecycle(template, "Output") if "ExpirationInDays" in one]
    assert [(one.get("Prefix"), one.get("TagFilters"), one["ExpirationInDays"]) for one in expiring] == [
        ("rejected/", None, 90),
        (None, [{"Key": "state", "Value": "deleted"}], 45),
    ]


def test_a_tombstone_outlives_the_version_that_it_hides(template: Template) -> None:
    """Once the version is gone, a late event finds no source, however long redrives have delayed it."""
    (versions,) = [one for one in lifecycle(template, "Source") if "NoncurrentVersionExpiration" in one]
    (tombstones,) = [one for one in lifecycle(template, "Output") if "TagFilters" in one]
    assert tombstones["ExpirationInDays"] > versions["NoncurrentVersionExpiration"]["NoncurrentDays"]


def test_bulk_uploads_leave_concurrency_to_others(template: Template, synth: Synth) -> None:
    for one, most in ((template, 4), (synth(STACK, max_concurrency="20"), 20)):
        assert only(one, "AWS::Lambda::EventSourceMapping")["ScalingConfig"] == {"MaximumConcurrency": most}


def test_on_destroy_nothing_listens_or_writes_any_more_when_a_bucket_is_emptied(template: Template) -> None:
    emptied = {
        start: one_named(template, "Custom::S3AutoDeleteObjects", start)[0] for start in ("Source", "Output")
    }
    _, rule = one_named(template, "AWS::Events::Rule", "Uploads")
    assert emptied["Source"] in rule["DependsOn"]
    assert emptied["Output"] in function_of(template)["DependsOn"]


@pytest.mark.parametrize(("stage", "expected"), [("sandbox", "Delete"), ("production", "Retain")])
def test_data_and_logs_go_with_a_sandbox_and_stay_in_production(
    synth: Synth, stage: str, expected: str
) -> None:
    template = synth(STACK, stage=stage)
    kept = ("AWS::S3::Bucket", "AWS::Logs::LogGroup")
    for kind in kept:
        for name, resource in resources(template, kind).items():
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == expected, name
    assert bool(resources(template, "Custom::S3AutoDeleteObjects")) is (stage == "sandbox")
    others = {
        name
        for name, one in template["Resources"].items()
        if one["Type"] not in kept and one.get("DeletionPolicy", "Delete") != "Delete"
    }
    assert others == set()


def test_the_alarms_watch_these_five_metrics(template: Template) -> None:
    alarms = resources(template, "AWS::CloudWatch::Alarm")
    assert {one["Properties"]["MetricName"] for one in alarms.values()} == {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateAgeOfOldestMessage",
        "Errors",
        "Throttles",
        "Duration",
    }


def test_both_dead_letter_queues_have_an_alarm(template: Template) -> None:
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for one in resources(template, "AWS::CloudWatch::Alarm").values()
        if one["Properties"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
        for dimension in one["Properties"]["Dimensions"]
    }
    queues = resources(template, "AWS::SQS::Queue")
    assert watched == {name for name in queues if not name.startswith("UploadsQueue")}


def test_the_duration_alarm_goes_off_before_the_timeout(template: Template) -> None:
    (duration,) = [
        one["Properties"]
        for one in resources(template, "AWS::CloudWatch::Alarm").values()
        if one["Properties"]["MetricName"] == "Duration"
    ]
    assert duration["Threshold"] == 0.8 * 120_000
    assert duration["Statistic"] == "Maximum"


def test_alarms_tell_somebody_only_when_an_address_is_given(template: Template, synth: Synth) -> None:
    assert resources(template, "AWS::SNS::Topic") == {}
    with_email = synth(STACK, alarm_email="ops@example.com")
    assert only(with_email, "AWS::SNS::Subscription")["Endpoint"] == "ops@example.com"
    (topic,) = resources(with_email, "AWS::SNS::Topic")
    for alarm in resources(with_email, "AWS::CloudWatch::Alarm").values():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": topic}]
    (publish,) = [
        one
        for one in only(with_email, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
        if one["Effect"] == "Allow"
    ]
    assert (publish["Action"], publish["Principal"]) == (
        "sns:Publish",
        {"Service": "cloudwatch.amazonaws.com"},
    )
    assert publish["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_no_resource_has_a_name_of_our_own(template: Template) -> None:
    for logical_id, resource in template["Resources"].items():
        named = {key: value for key, value in resource.get("Properties", {}).items() if key.endswith("Name")}
        for key in ("MetricName", "PolicyName"):  # names of a metric, and of a policy within its role
            named.pop(key, None)
        assert [key for key, value in named.items() if isinstance(value, str)] == [], logical_id


def test_the_outputs_are_what_the_driver_needs(template: Template) -> None:
    assert {"SourceBucket", "OutputBucket", "Queue", "DeadLetters", "Undelivered", "FunctionName"} <= set(
        template["Outputs"]
    )
