"""The command preflight on a stubbed account: its lines, its exit code, and its error without credentials."""

from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import NoCredentialsError

from stacks.settings import Settings, SettingsError
from tests.support.account import error, quota, zone
from tools.commands import account_checks as checks
from tools.commands import preflight
from tools.commands.account_checks import Level
from tools.local_aws import running

SETTINGS = Settings()


class Account:
    """A session of an account in which nothing of ours exists yet; it is its own client for every service."""

    region_name = "us-east-1"
    bootstrapped = True

    def client(self, _: str, **__: Any) -> "Account":
        return self

    def get_partition_for_region(self, _: str) -> str:
        return "aws"

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me"}

    def get_parameter(self, **_: str) -> dict[str, Any]:
        if not self.bootstrapped:
            raise error("ParameterNotFound")
        return {"Parameter": {"Value": "27"}}

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        raise error("ValidationError", f"Stack with id {StackName} does not exist")

    def describe_availability_zones(self, **_: Any) -> dict[str, Any]:
        return {"AvailabilityZones": [zone("use1-az1"), zone("use1-az2")]}

    def describe_subnets(self, **_: Any) -> dict[str, Any]:
        return {"Subnets": []}

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": 10}}

    def get_service_quota(self, **_: str) -> dict[str, Any]:
        return quota(6)

    def get_paginator(self, _: str) -> "Account":
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [{"Vpcs": [{}]}]

    def get_role(self, **_: str) -> dict[str, Any]:
        return {}

    def describe_vpc_block_public_access_options(self) -> dict[str, Any]:
        return {"VpcBlockPublicAccessOptions": {}}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    found = Account()
    monkeypatch.setattr(preflight, "docker", lambda cpu: checks.fine("Docker", cpu))
    monkeypatch.setattr("tools.local_aws.running.boto3.Session", lambda **_: found)
    return found


def test_preflight_reports_a_healthy_account_line_by_line_and_ends_with_0(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    code = preflight.main([])
    said = capsys.readouterr().out
    assert (code, "Nothing here would fail a deploy." in said) == (0, True), said
    assert "ok    CDK bootstrap: version 27" in said
    assert "Availability zones: use1-az1, use1-az2" in said


def test_preflight_counts_a_failing_check_and_ends_with_1(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.bootstrapped = False
    assert preflight.main([]) == 1
    said = capsys.readouterr().out
    assert "FAILS CDK bootstrap: not done in this Region" in said
    assert "1 would fail a deploy." in said


def test_it_looks_where_the_cdk_would_deploy(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 itself does not read AWS_REGION, which the CDK CLI reads first."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert running.session(None).region_name == "us-east-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert running.session(None).region_name == "eu-west-1"


def test_without_credentials_or_a_region_it_says_what_to_set(
    account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "get_caller_identity", Mock(side_effect=NoCredentialsError()))
    assert preflight.main([]) == 1
    assert "Set AWS_PROFILE" in capsys.readouterr().out
    monkeypatch.setattr(account, "region_name", None)
    assert preflight.main([]) == 1
    said = capsys.readouterr().out
    assert ("set AWS_REGION" in said, "Set AWS_PROFILE" in said) == (True, True), "both at once"


def test_a_check_that_may_not_look_is_a_finding_and_no_traceback(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "client", Mock(side_effect=error("AccessDenied")))
    found = preflight.findings(account, SETTINGS)
    assert [one.level for one in found] == [Level.FINE, *[Level.MIND] * 8, Level.FINE]
    assert "could not be checked" in found[1].found


def test_an_unknown_setting_is_an_error_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert preflight.main(["-c", "zone=a"]) == 1
    assert "Unknown setting zone" in capsys.readouterr().out
    with pytest.raises(SettingsError, match="-c setting=value"):
        preflight.read_settings(["zones"])
