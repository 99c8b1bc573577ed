"""Each check of preflight, with a fault and without, with stubbed answers of AWS; no account is needed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from stacks.settings import Settings
from tests.support.account import error, quota, zone
from tools.commands import account_checks as checks
from tools.commands.account_checks import Finding, Level
from tools.commands.docker_check import docker

SETTINGS = Settings()
Check = Callable[[Any], Finding]


@pytest.fixture
def stubbed() -> Iterator[Callable[..., Any]]:
    """Yield a function that makes a service's client, whose calls return the given answers in order.

    Each answer is (operation, response) or (operation, error code); the test must use up all of them.
    """
    stubs = []

    def make(service: str, *answers: tuple[str, Any]) -> Any:
        client = boto3.client(service)
        stub = Stubber(client)
        for operation, answer in answers:
            if isinstance(answer, str):
                stub.add_client_error(operation, answer, "no")
            else:
                stub.add_response(operation, answer)
        stub.activate()
        stubs.append(stub)
        return client

    yield make
    for stub in stubs:
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("answer", "level", "says"),
    [
        ({"Parameter": {"Value": "27"}}, Level.FINE, "version 27"),
        ({"Parameter": {"Value": "22"}}, Level.MIND, "`cdk rollback` is refused"),
        ({"Parameter": {"Value": "5"}}, Level.FAILS, "at least 6"),
        ("ParameterNotFound", Level.FAILS, "not done in this Region"),
    ],
)
def test_a_missing_or_old_bootstrap_fails(stubbed: Any, answer: Any, level: Level, says: str) -> None:
    found = checks.bootstrap(stubbed("ssm", ("get_parameter", answer)))
    assert (found.level, says in found.found) == (level, True)


@pytest.mark.parametrize(("there", "level"), [(10, Level.FAILS), (100, Level.FAILS), (1000, Level.FINE)])
def test_provisioned_concurrency_fails_unless_it_leaves_a_hundred_unreserved(
    stubbed: Any, there: int, level: Level
) -> None:
    limits = {"AccountLimit": {"UnreservedConcurrentExecutions": there}}
    stub = stubbed("lambda", ("get_account_settings", limits))
    found = checks.concurrency(stub, replace(SETTINGS, warm="provisioned"))
    assert found.level is level
    assert ("warm=provisioned fails" in found.found) is (level is Level.FAILS)


@pytest.mark.parametrize(("there", "level"), [(12, Level.FINE), (10, Level.MIND), (1000, Level.FINE)])
def test_too_little_concurrency_for_the_functions_is_reported_with_the_setting_to_use(
    stubbed: Any, there: int, level: Level
) -> None:
    limits = {"AccountLimit": {"UnreservedConcurrentExecutions": there}}
    found = checks.concurrency(stubbed("lambda", ("get_account_settings", limits)), SETTINGS)
    assert found.level is level
    if level is Level.MIND:
        assert "max_concurrency in cdk.json to 3" in found.todo


def test_each_shard_of_a_stream_takes_a_concurrent_execution(stubbed: Any) -> None:
    limits = {"AccountLimit": {"UnreservedConcurrentExecutions": 12}}
    settings = replace(SETTINGS, stream="on-demand")
    found = checks.concurrency(stubbed("lambda", ("get_account_settings", limits)), settings)
    assert (found.level, "4 a stream" in found.found) == (Level.MIND, True)
    assert "max_concurrency in cdk.json to 2" in found.todo
    limits["AccountLimit"]["UnreservedConcurrentExecutions"] = 10
    found = checks.concurrency(stubbed("lambda", ("get_account_settings", limits)), settings)
    assert found.todo.startswith("Ask for more: aws"), "2 is the least that max_concurrency may be"


@pytest.mark.parametrize(
    ("there", "stage", "level"),
    [
        (6, "sandbox", Level.FINE),
        (4, "sandbox", Level.MIND),
        (6, "production", Level.FINE),
        (5, "production", Level.MIND),
    ],
)
def test_a_vcpu_quota_below_what_the_tasks_take_is_reported(
    stubbed: Any, there: float, stage: Any, level: Level
) -> None:
    client = stubbed("service-quotas", ("get_service_quota", quota(there)))
    assert checks.fargate_vcpus(client, replace(SETTINGS, stage=stage)).level is level


def test_a_quota_that_was_never_changed_is_awss_default(stubbed: Any) -> None:
    answers = ("get_service_quota", "NoSuchResourceException"), ("get_aws_default_service_quota", quota(6))
    assert checks.fargate_vcpus(stubbed("service-quotas", *answers), SETTINGS).found.startswith("6;")


@pytest.mark.parametrize(
    ("used", "of_stack", "level"),
    [(4, "", Level.FINE), (5, "another", Level.FAILS), (5, SETTINGS.stack_name("Network"), Level.FINE)],
)
def test_a_full_quota_of_vpcs_fails_unless_the_vpc_exists_already(
    stubbed: Any, used: int, of_stack: str, level: Level
) -> None:
    tags = [{"Key": "aws:cloudformation:stack-name", "Value": of_stack}]
    there = [{"VpcId": f"vpc-{one}", **({"Tags": tags} if not one else {})} for one in range(used)]
    ec2 = stubbed("ec2", ("describe_vpcs", {"Vpcs": there}))
    quotas = stubbed("service-quotas", ("get_service_quota", quota(5)))
    assert checks.vpcs(ec2, quotas, SETTINGS).level is level


@pytest.mark.parametrize(
    ("ids", "default", "chosen", "level", "says"),
    [
        ("1 2", "1 2", "", Level.FINE, "use1-az1, use1-az2"),
        ("3 1 2", "", "", Level.FAILS, '"zones": "use1-az1,use1-az2"'),
        ("3 1 2", "1 2", "", Level.FINE, "use1-az1, use1-az2"),
        ("1 2 3", "3", "", Level.FAILS, "use1-az3 would be used"),
        ("3 1 2", "3", "use1-az1,use1-az2", Level.FINE, ""),
        ("1 2", "1", "use1-az1,use1-az3", Level.FAILS, "use1-az3 of `zones` is not available"),
        ("1 2", "1", "", Level.FAILS, "only use1-az1 would be used"),
        ("3 1", "", "", Level.FAILS, "another Region"),
    ],
)
def test_the_zones_fail_unless_both_exist_and_support_vpc_origins(
    stubbed: Any, ids: str, default: str, chosen: str, level: Level, says: str
) -> None:
    """ids: numbers in the zones' ids, ordered by zone name; default: those of zones with a default subnet."""
    named = [
        zone(f"use1-az{one}", name=f"us-east-1{letter}")
        for letter, one in zip("abc", ids.split(), strict=False)
    ]
    subnets = {"Subnets": [{"AvailabilityZoneId": f"use1-az{one}"} for one in default.split()]}
    asked = [
        ("describe_availability_zones", {"AvailabilityZones": [zone("use1-az9", "impaired"), *named[::-1]]})
    ]
    if not chosen and "another" not in says:
        asked.append(("describe_subnets", subnets))
    found = checks.zones(stubbed("ec2", *asked), replace(SETTINGS, zones=chosen))
    assert found.level is level, found
    assert says in f"{found.found} {found.todo}"


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (
            {"Role": {"Path": "/", "RoleName": "r", "RoleId": "r" * 20, "Arn": "a" * 20, "CreateDate": 0}},
            Level.FINE,
        ),
        ("NoSuchEntity", Level.MIND),
    ],
)
def test_a_missing_service_linked_role_of_ecs_is_reported(stubbed: Any, answer: Any, level: Level) -> None:
    if isinstance(answer, dict):
        answer["Role"]["CreateDate"] = datetime(2026, 1, 1, tzinfo=UTC)
    assert checks.service_linked_role(stubbed("iam", ("get_role", answer))).level is level


VPC = "vpc-1"
EXCLUDED = {
    "ResourceArn": f"arn:aws:ec2:us-east-1:123456789012:vpc/{VPC}",
    "State": "create-complete",
    "InternetGatewayExclusionMode": "allow-bidirectional",
}


@pytest.mark.parametrize(
    ("mode", "egress", "exclusions", "level", "says"),
    [
        ("off", "public-ip", None, Level.FINE, ""),
        ("block-ingress", "endpoints", None, Level.FAILS, "Deploy Network, exclude its VPC"),
        ("block-ingress", "public-ip", [], Level.FAILS, "no task can pull its image with egress=public-ip"),
        ("block-bidirectional", "nat", [], Level.FAILS, "with egress=nat"),
        ("block-ingress", "public-ip", [EXCLUDED], Level.FINE, ""),
        ("block-ingress", "nat", [{**EXCLUDED, "State": "delete-complete"}], Level.FAILS, ""),
    ],
)
def test_vpc_block_public_access_fails_unless_it_is_off_or_excludes_the_vpc(
    stubbed: Any, mode: str, egress: str, exclusions: list[Any] | None, level: Level, says: str
) -> None:
    """exclusions: of the account; None if Network does not exist yet."""
    options = {"VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": mode}}
    asked: list[tuple[str, Any]] = [("describe_vpc_block_public_access_options", options)]
    if mode != "off":
        asked.append(("describe_vpcs", {"Vpcs": [] if exclusions is None else [{"VpcId": VPC}]}))
    if exclusions is not None:
        answer = {"VpcBlockPublicAccessExclusions": exclusions}
        asked.append(("describe_vpc_block_public_access_exclusions", answer))
    settings = Settings.from_context({"egress": egress})
    found = checks.block_public_access(stubbed("ec2", *asked), settings)
    assert (found.level, says in found.todo) == (level, True), found


@pytest.mark.parametrize(
    ("status", "level", "says"),
    [
        ("CREATE_COMPLETE", Level.MIND, "A deploy changes it"),
        ("ROLLBACK_COMPLETE", Level.MIND, "the next one deletes it"),
        ("DELETE_FAILED", Level.FAILS, "`cdk destroy Network` first"),
        ("UPDATE_ROLLBACK_FAILED", Level.FAILS, "Do not destroy it"),
        ("UPDATE_IN_PROGRESS", Level.FAILS, "Wait"),
    ],
)
def test_an_existing_stack_of_our_names_is_reported_with_what_to_do(
    status: str, level: Level, says: str
) -> None:
    class Cloudformation:
        def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
            if StackName == "lof-Network":
                created = datetime(2026, 1, 2, tzinfo=UTC)
                return {"Stacks": [{"CreationTime": created, "StackStatus": status, "Description": "Mine"}]}
            raise error("ValidationError", f"Stack with id {StackName} does not exist")

    cloudformation: Any = Cloudformation()
    (found,) = checks.stacks(cloudformation, SETTINGS)
    assert (found.about, found.level) == ("lof-Network", level)
    assert "there since 2026-01-02" in found.found
    assert says in found.todo
    (free,) = checks.stacks(cloudformation, replace(SETTINGS, prefix="mine"))
    assert free.level is Level.FINE


@pytest.mark.parametrize(
    ("region", "level"),
    [
        ("eu-west-1", Level.FINE),
        ("eu-south-2", Level.FAILS),
        ("cn-north-1", Level.FAILS),
        ("us-gov-west-1", Level.FAILS),
    ],
)
def test_a_region_without_function_urls_or_outside_the_partition_aws_fails(region: str, level: Level) -> None:
    assert checks.partition(boto3.Session(region_name=region)).level is level


@pytest.mark.parametrize(
    ("script", "cpu", "level", "says"),
    [
        ("exit 1", "arm64", Level.FAILS, "no daemon"),
        ("[ $1 = info ] && echo x86_64", "x86_64", Level.FINE, "linux/amd64"),
        ("[ $1 = info ] && echo x86_64", "arm64", Level.FAILS, "cannot build linux/arm64"),
        ("[ $1 = info ] && echo x86_64 || echo Platforms: linux/arm64", "arm64", Level.FINE, "by emulation"),
        ("[ $1 = info ] && echo aarch64", "arm64", Level.FINE, "linux/arm64"),
    ],
)
def test_docker_fails_without_a_daemon_or_the_platform_to_build_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, cpu: str, level: Level, says: str
) -> None:
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("CDK_DOCKER", str(program))
    found = docker(cpu)
    assert (found.level, says in found.found) == (level, True)
    if says.startswith("cannot"):
        assert '"architecture": "x86_64"' in found.todo


def test_a_missing_docker_command_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_DOCKER", "no-such-docker")
    assert docker("arm64").level is Level.FAILS


def test_moto_answers_as_the_checks_expect() -> None:
    """Run three of the checks against moto, each with a fault and without."""
    with mock_aws():
        ssm, iam, ec2 = boto3.client("ssm"), boto3.client("iam"), boto3.client("ec2")
        assert checks.bootstrap(ssm).level is Level.FAILS
        ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="27", Type="String")
        assert checks.bootstrap(ssm).level is Level.FINE
        assert checks.service_linked_role(iam).level is Level.MIND
        iam.create_role(RoleName="AWSServiceRoleForECS", AssumeRolePolicyDocument="{}")
        assert checks.service_linked_role(iam).level is Level.FINE
        assert checks.zones(ec2, replace(SETTINGS, zones="use1-az1,use1-az2")).level is Level.FINE
        assert checks.zones(ec2, replace(SETTINGS, zones="use1-az1,use1-az3")).level is Level.FAILS
        assert checks.zones(ec2, replace(SETTINGS, zones="euw1-az1,euw1-az2")).level is Level.FAILS
