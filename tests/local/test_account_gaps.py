"""MiniStack's gaps in VPC origins, custom runtimes and packages, and two limits that it enforces itself."""

import json
from collections.abc import Iterator

import pytest

from tests.local.conftest import eventually
from tests.local.making import load_balancer, package, stack_of, zipped
from tools.local_aws.aws import LocalAws, local_aws

BOOTSTRAP = """#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
headers=$(mktemp)
while curl -sf -D "$headers" -o /dev/null "$api/next"; do
  id=$(grep -i '^lambda-runtime-aws-request-id:' "$headers" | cut -d: -f2 | tr -d '[:space:]')
  curl -s --data-binary "\\"$AWS_ENDPOINT_URL\\"" "$api/$id/response"
done
"""


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Yield a local AWS that creates VPC origins without checking their zones."""
    folder = tmp_path_factory.mktemp("careless")
    with local_aws(folder / "log", without=["keep_vpc_origins_to_their_zones"]) as aws:
        yield aws


def test_ministack_creates_vpc_origins_in_any_zone_until_patched(
    careless: LocalAws, patched: LocalAws
) -> None:
    kind = "AWS::CloudFront::VpcOrigin"
    for aws, completes in ((careless, True), (patched, False)):
        asked = {"Name": "zone", "Arn": load_balancer(aws, "zone", "use1-az1", "use1-az3")}
        stack = stack_of(aws, "zone", kind, VpcOriginEndpointConfig=asked)
        assert (stack["StackStatus"] == "CREATE_COMPLETE") is completes


def test_ministack_itself_refuses_to_change_a_vpc_origin(patched: LocalAws) -> None:
    """MiniStack itself refuses the change, as AWS does for an origin that is in use."""
    kind, aws = "AWS::CloudFront::VpcOrigin", patched
    asked = {"Name": "used", "Arn": load_balancer(aws, "used", "use1-az1", "use1-az2")}
    stack_of(aws, "used", kind, VpcOriginEndpointConfig=asked)
    properties = {"VpcOriginEndpointConfig": {**asked, "HTTPPort": 8080}}
    template = {"Resources": {"One": {"Type": kind, "Properties": properties}}}
    cloudformation = aws.client("cloudformation")
    cloudformation.update_stack(StackName="used", TemplateBody=json.dumps(template))

    def ended() -> str:
        status = str(cloudformation.describe_stacks(StackName="used")["Stacks"][0]["StackStatus"])
        return "" if status.endswith("IN_PROGRESS") else status

    assert eventually(ended) == "UPDATE_ROLLBACK_COMPLETE"


def test_ministack_itself_refuses_a_second_vpc_origin_of_the_same_name(patched: LocalAws) -> None:
    """MiniStack itself refuses the second, as AWS does."""
    asked = {"Name": "twice", "Arn": load_balancer(patched, "twice", "use1-az1", "use1-az2")}
    found = [
        stack_of(patched, f"twice-{one}", "AWS::CloudFront::VpcOrigin", VpcOriginEndpointConfig=asked)
        for one in range(2)
    ]
    assert [one["StackStatus"] for one in found] == ["CREATE_COMPLETE", "ROLLBACK_COMPLETE"]


def test_ministack_gives_custom_runtimes_no_usable_endpoint_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, finds_it in ((bare, False), (patched, True)):
        lambda_ = aws.client("lambda")
        role = aws.client("iam").create_role(RoleName="shell", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = {"ZipFile": zipped("bootstrap", BOOTSTRAP, mode=0o755)}
        named = {"FunctionName": "shell", "Runtime": "provided.al2023", "Handler": "none", "Role": role}
        lambda_.create_function(**named, Code=code)
        eventually(lambda: lambda_.get_function_configuration(FunctionName="shell")["State"] == "Active")  # noqa: B023
        answer = json.load(lambda_.invoke(FunctionName="shell")["Payload"])
        assert (answer == aws.url) is finds_it


def test_ministack_runs_a_file_that_only_its_owner_can_read_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, mode, runs in ((bare, 0o600, True), (patched, 0o600, False), (patched, 0o644, True)):
        lambda_, name = aws.client("lambda"), f"mode{mode:o}"
        role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = {"ZipFile": package("'ran'", mode=mode)}
        lambda_.create_function(
            FunctionName=name, Runtime="python3.13", Role=role, Handler="handler.handler", Code=code
        )
        answer = lambda_.invoke(FunctionName=name)
        assert ("FunctionError" not in answer) is runs
        assert ("Permission denied" in answer["Payload"].read().decode()) is not runs
