"""Each gap that local/emulator.py fills is there without it: once MiniStack closes one, its patch can go."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import LocalAws, local_aws
from tests.local.conftest import eventually, s3_of_a_user

PATCHES = (
    "assume_tls",
    "keep_bucket_tags",
    "refuse_to_delete_a_full_bucket",
    "name_the_version_in_events",
    "ask_the_queue_policy",
)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """MiniStack as it comes."""
    with local_aws(tmp_path_factory.mktemp("bare") / "log", without=PATCHES) as aws:
        yield aws


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(tmp_path_factory.mktemp("patched") / "log") as aws:
        yield aws


def stack_with_bucket(aws: LocalAws, name: str) -> None:
    resource = {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": name, "Tags": [{"Key": "a", "Value": "1"}]},
    }
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Bucket": resource}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def tags(aws: LocalAws, bucket: str) -> list[Any]:
    try:
        return list(aws.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"])
    except ClientError:
        return []


def test_bucket_tags(bare: LocalAws, patched: LocalAws) -> None:
    for aws in (bare, patched):
        stack_with_bucket(aws, "tagged")
    assert tags(bare, "tagged") == []
    assert tags(patched, "tagged") == [{"Key": "a", "Value": "1"}]


def test_a_full_bucket_is_not_deleted_with_its_stack(bare: LocalAws, patched: LocalAws) -> None:
    for aws, ends in ((bare, "DELETE_COMPLETE"), (patched, "DELETE_FAILED")):
        stack_with_bucket(aws, "full")
        aws.client("s3").put_object(Bucket="full", Key="a", Body=b"1")
        cloudformation = aws.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName="full")["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName="full")

        def status(name: str = stack, client: Any = cloudformation) -> str:
            return str(client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

        assert (
            eventually(
                lambda: (now := status()).startswith("DELETE_") and now != "DELETE_IN_PROGRESS" and now
            )
            == ends
        )


def rule_to_queue(aws: LocalAws, name: str, *, policy: bool) -> str:
    """A versioned bucket, whose events a rule sends to a queue; the queue's address."""
    s3, sqs, events = aws.client("s3"), aws.client("sqs"), aws.client("events")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    queue = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}}
    rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    if policy:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document})
    return queue


def first_message(aws: LocalAws, queue: str, *, seconds: int = 10) -> dict[str, Any] | None:
    messages = aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=seconds).get("Messages", [])
    return dict(json.loads(messages[0]["Body"])) if messages else None


def test_the_version_in_events(bare: LocalAws, patched: LocalAws) -> None:
    for aws, named in ((bare, False), (patched, True)):
        queue = rule_to_queue(aws, "versions", policy=True)
        version = aws.client("s3").put_object(Bucket="versions", Key="a", Body=b"1")["VersionId"]
        event = first_message(aws, queue)
        assert event is not None
        assert event["detail"]["object"].get("version-id") == (version if named else None)


def test_the_queue_policy(bare: LocalAws, patched: LocalAws) -> None:
    for aws, delivered in ((bare, True), (patched, False)):
        queue = rule_to_queue(aws, "closed", policy=False)
        aws.client("s3").put_object(Bucket="closed", Key="a", Body=b"1")
        assert (first_message(aws, queue, seconds=10 if delivered else 1) is not None) is delivered


def test_tls_only_policies(bare: LocalAws, patched: LocalAws) -> None:
    for aws, passes in ((bare, False), (patched, True)):
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="tls-only")
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::tls-only/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        s3.put_object(Bucket="tls-only", Key="a", Body=b"1")
        s3.put_bucket_policy(
            Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )
        user = s3_of_a_user(aws)
        if passes:
            user.get_object(Bucket="tls-only", Key="a")
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                user.get_object(Bucket="tls-only", Key="a")
