"""Gaps in MiniStack: each exists without its patch; once MiniStack closes it, the patch can go."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import as_user, eventually
from tests.local.making import load_balancer, stack_of
from tests.support.images import corners, encode
from tools.local_aws.aws import LocalAws

RECORDED = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::NatGateway",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::ECS::ClusterCapacityProviderAssociations",
)


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


def test_ministack_forgets_bucket_tags_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    for aws in (bare, patched):
        stack_with_bucket(aws, "tagged")
    assert tags(bare, "tagged") == []
    assert tags(patched, "tagged") == [{"Key": "a", "Value": "1"}]


def test_ministack_deletes_a_full_bucket_with_its_stack_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
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


def test_ministack_ignores_the_range_of_a_version_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    for aws, part in ((bare, b"0123456789"), (patched, b"234")):
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="ranges")
        s3.put_bucket_versioning(Bucket="ranges", VersioningConfiguration={"Status": "Enabled"})
        version = {"VersionId": s3.put_object(Bucket="ranges", Key="a", Body=b"0123456789")["VersionId"]}
        found = s3.get_object(Bucket="ranges", Key="a", **version, Range="bytes=2-4")
        assert found["Body"].read() == part
        if aws is patched:
            with pytest.raises(ClientError, match="InvalidRange"):
                s3.get_object(Bucket="ranges", Key="a", **version, Range="bytes=10-")


def rule_to_queue(aws: LocalAws, name: str, *, policy: bool) -> str:
    """Create a versioned bucket and a rule that sends its events to a queue; return the queue's URL."""
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


def first_message(aws: LocalAws, queue: str, *, seconds: int = 20) -> dict[str, Any] | None:
    messages = aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=seconds).get("Messages", [])
    return dict(json.loads(messages[0]["Body"])) if messages else None


def test_ministack_leaves_the_version_out_of_events_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    for aws, named in ((bare, False), (patched, True)):
        queue = rule_to_queue(aws, "versions", policy=True)
        version = aws.client("s3").put_object(Bucket="versions", Key="a", Body=b"1")["VersionId"]
        event = first_message(aws, queue)
        assert event is not None
        assert event["detail"]["object"].get("version-id") == (version if named else None)


def test_ministack_ignores_the_queue_policy_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    for aws, delivered in ((bare, True), (patched, False)):
        queue = rule_to_queue(aws, "closed", policy=False)
        aws.client("s3").put_object(Bucket="closed", Key="a", Body=b"1")
        assert (first_message(aws, queue, seconds=20 if delivered else 1) is not None) is delivered


def test_ministack_denies_reads_under_a_tls_only_policy_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
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
        user = as_user(aws, "s3", "s3:*", "*")
        if passes:
            user.get_object(Bucket="tls-only", Key="a")
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                user.get_object(Bucket="tls-only", Key="a")


@pytest.mark.parametrize("kind", RECORDED)
def test_ministack_cannot_create_resources_of_this_type_until_patched(
    bare: LocalAws, patched: LocalAws, kind: str
) -> None:
    name = kind.replace("::", "")
    assert stack_of(bare, name, kind)["StackStatus"] != "CREATE_COMPLETE"
    assert stack_of(patched, name, kind)["StackStatus"] == "CREATE_COMPLETE"


def test_ministack_cannot_create_alarms_on_expressions_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    metrics = [{"Id": "a", "Expression": "1 + 1"}]
    for aws, completes in ((bare, False), (patched, True)):
        stack = stack_of(aws, "math", "AWS::CloudWatch::Alarm", Metrics=metrics, EvaluationPeriods=1)
        assert (stack["StackStatus"] == "CREATE_COMPLETE") is completes


def test_ministack_returns_no_cidr_block_of_a_vpc_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    output = {"Fn::GetAtt": ["One", "CidrBlock"]}
    for aws, knows in ((bare, False), (patched, True)):
        stack = stack_of(aws, "vpc", "AWS::EC2::VPC", output, CidrBlock="10.9.0.0/16")
        assert ([one["OutputValue"] for one in stack.get("Outputs", [])] == ["10.9.0.0/16"]) is knows


def test_ministack_cannot_create_vpc_origins_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    for aws, completes in ((bare, False), (patched, True)):
        config = {"Name": "one", "Arn": load_balancer(aws, "inner", "use1-az1", "use1-az2")}
        stack = stack_of(aws, "origin", "AWS::CloudFront::VpcOrigin", VpcOriginEndpointConfig=config)
        assert (stack["StackStatus"] == "CREATE_COMPLETE") is completes


def test_ministack_describes_a_missing_image_as_an_empty_list_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    bare.client("ecr").create_repository(repositoryName="empty")
    patched.client("ecr").create_repository(repositoryName="empty")
    asked = {"repositoryName": "empty", "imageIds": [{"imageTag": "none"}]}
    assert bare.client("ecr").describe_images(**asked)["imageDetails"] == []
    with pytest.raises(ClientError, match="ImageNotFoundException"):
        patched.client("ecr").describe_images(**asked)


def test_ministack_ignores_permissions_on_a_named_repository_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, allowed in ((bare, False), (patched, True)):
        made = aws.client("ecr").create_repository(repositoryName="named")["repository"]
        client = as_user(aws, "ecr", "ecr:DescribeRepositories", made["repositoryArn"])
        try:
            client.describe_repositories(repositoryNames=["named"])
            assert allowed
        except ClientError:
            assert not allowed


def test_ministack_denies_a_batch_to_those_who_may_send_messages_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, allowed in ((bare, False), (patched, True)):
        url = aws.client("sqs").create_queue(QueueName="batch")["QueueUrl"]
        client = as_user(aws, "sqs", "sqs:SendMessage", "*")
        try:
            client.send_message_batch(QueueUrl=url, Entries=[{"Id": "0", "MessageBody": "a"}])
            assert allowed
        except ClientError:
            assert not allowed


def test_ministack_answers_a_missing_tile_with_403_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    for aws, status in ((bare, 403), (patched, 404)):
        aws.client("s3").create_bucket(Bucket="tiles")
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::tiles", "arn:aws:s3:::tiles/*"],
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws.client("s3").put_bucket_policy(Bucket="tiles", Policy=policy)
        origin = {
            "Id": "o",
            "DomainName": "tiles.s3.us-east-1.amazonaws.com",
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        behavior = {
            "TargetOriginId": "o",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        }
        config = {"Enabled": True, "Origins": [origin], "DefaultCacheBehavior": behavior}
        output = {"Fn::GetAtt": ["One", "DomainName"]}
        stack = stack_of(aws, "tiles", "AWS::CloudFront::Distribution", output, DistributionConfig=config)
        host = stack["Outputs"][0]["OutputValue"]
        request = urllib.request.Request(f"{aws.url}/none.jpg", headers={"Host": host})
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request)
        error.value.close()
        assert error.value.code == status


def test_ministack_cannot_detect_labels_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    picture = {"Bytes": encode(corners(60, 40), ".jpg")}
    with pytest.raises(ClientError):
        bare.client("rekognition").detect_labels(Image=picture)
    client = patched.client("rekognition")
    assert client.detect_labels(Image=picture)["Labels"] == [{"Name": "Landscape", "Confidence": 99.0}]
    assert client.detect_labels(Image=picture, MinConfidence=99.5)["Labels"] == []
    for data, code in ((b"text", "InvalidImageFormat"), (bytes(5 * 1024 * 1024 + 1), "ImageTooLarge")):
        with pytest.raises(ClientError, match=code):
            client.detect_labels(Image={"Bytes": data})
    may_not = as_user(patched, "rekognition", "rekognition:DetectText", "*")
    with pytest.raises(ClientError, match="AccessDenied"):
        may_not.detect_labels(Image=picture)
