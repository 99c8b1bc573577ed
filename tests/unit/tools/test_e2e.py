"""`dev.py e2e` without an account: its plan, its question, and the destroy after a failure."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from app import STACKS
from stacks.settings import Settings
from tools.commands import preflight, trial
from tools.commands.account_checks import Finding, Level, fine
from tools.commands.e2e import E2E
from tools.local_aws.aws import LocalAwsError

PREFIX = "e2etest"


def run(arguments: list[str], use: Callable[[Any], None] = E2E.use) -> int:
    """Run `dev.py e2e`. use: what the run does with the deployed stacks."""
    return trial.run(replace(E2E, use=use), arguments)


def test_the_plan_needs_no_credentials_and_says_what_it_costs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert run(["--target", "aws", "--plan"]) == 0
    said = capsys.readouterr().out
    assert "about $0." in said
    assert "8. cdk destroy what this run created, even if something before it failed" in said


def test_without_a_yes_nothing_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "y")
    monkeypatch.setattr(trial, "_cdk", lambda *_: pytest.fail("It went on."))
    with mock_aws():
        assert run(["--target", "aws"]) == 1
    said = capsys.readouterr().out
    assert said.index("Account 123456789012, us-east-1.") < said.index("Nothing was done.")


def test_where_nobody_can_answer_nothing_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    monkeypatch.setattr(trial, "_cdk", lambda *_: pytest.fail("It went on."))
    with mock_aws():
        assert run(["--target", "aws"]) == 1
    assert "use --yes" in capsys.readouterr().out


@pytest.mark.parametrize("setting", ["prefix=mine", "stage=production"])
def test_settings_that_a_run_in_an_account_chooses_itself_are_refused(
    capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    assert run(["--target", "aws", "--yes", "-c", setting]) == 1
    assert f"leave out {setting}" in capsys.readouterr().out


class Account:
    """A double of a session in an account with the given stacks, and of each of the session's clients."""

    region_name = "us-east-1"

    def __init__(self, *stacks: str) -> None:
        self.stacks = {*stacks}
        self.may_look = True

    def client(self, _: str, **__: Any) -> "Account":
        return self

    resource = client

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012"}

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        if not self.may_look:
            raise self._error("AccessDenied", "User is not authorized to perform: DescribeStacks")
        if StackName not in self.stacks:
            raise self._error("ValidationError", f"Stack with id {StackName} does not exist")
        created = datetime(2026, 1, 2, tzinfo=UTC)
        return {"Stacks": [{"CreationTime": created, "StackStatus": "UPDATE_COMPLETE"}]}

    def _error(self, code: str, message: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    found = Account()
    monkeypatch.setattr("tools.local_aws.running.boto3.Session", lambda **_: found)
    monkeypatch.setattr(preflight, "findings", lambda *_: [fine("Region", "us-east-1")])
    monkeypatch.setattr(trial, "AGAIN_SECONDS", 0)
    return found


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Replace `stop_tasks` and the CDK CLI, whose double writes empty outputs; return their calls."""
    calls: list[str] = []

    def cdk(what: str, stack: str, *arguments: str) -> None:
        assert "--exclusively" in arguments, "no other stack comes with it"
        assert arguments[-2:] == ("-c", f"prefix={PREFIX}")
        calls.append(f"{what} {stack}")
        if what == "deploy":
            (tmp_path / "build" / "e2e" / f"outputs-{stack}.json").write_text(
                json.dumps({f"{PREFIX}-{stack}": {}})
            )

    monkeypatch.setattr(trial, "ROOT", tmp_path)
    monkeypatch.setattr(trial, "own_prefix", lambda: PREFIX)
    monkeypatch.setattr(trial, "_cdk", cdk)
    monkeypatch.setattr(trial, "stop_tasks", lambda _, name: calls.append(f"stop tasks of {name}"))
    return calls


DESTROYED = [
    "destroy Operations",
    "destroy StreamPattern",
    "destroy QueuePattern",
    f"stop tasks of {PREFIX}-HybridPattern",
    "destroy HybridPattern",
    "destroy LambdaService",
    "destroy FargatePattern",
    "destroy LambdaPattern",
    "destroy Network",
]


def test_when_a_check_fails_everything_that_was_created_is_destroyed(
    account: Account,
    called: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def check(*_: Any) -> None:
        raise LocalAwsError("FargatePattern answers 504")

    assert run(["--target", "aws", "--yes"], check) == 1
    assert called == [*(f"deploy {stack}" for stack in STACKS), *DESTROYED]
    assert "Error: FargatePattern answers 504" in capsys.readouterr().out


def after(monkeypatch: pytest.MonkeyPatch, deployed: str, act: Callable[[], None]) -> None:
    """Call `act` as soon as a stack has been deployed."""
    cdk = trial._cdk

    def then(what: str, stack: str, *arguments: str) -> None:
        cdk(what, stack, *arguments)
        if (what, stack) == ("deploy", deployed):
            act()

    monkeypatch.setattr(trial, "_cdk", then)


TWO = ["deploy Network", "deploy LambdaPattern", "destroy LambdaPattern", "destroy Network"]


def test_when_a_deploy_fails_what_was_begun_is_destroyed_and_nothing_else(
    account: Account, called: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise LocalAwsError("cdk deploy failed")

    after(monkeypatch, "LambdaPattern", fail)
    assert run(["--target", "aws", "--yes"]) == 1
    assert called == TWO


@pytest.mark.parametrize("existing", STACKS)
def test_where_a_stack_of_its_names_exists_it_touches_nothing(
    account: Account, called: list[str], capsys: pytest.CaptureFixture[str], existing: str
) -> None:
    account.stacks = {f"{PREFIX}-{existing}"}
    assert run(["--target", "aws", "--yes"]) == 1
    assert called == []
    said = " ".join(capsys.readouterr().out.split())
    assert f"already have {PREFIX}-{existing} (created 2026-01-02, UPDATE_COMPLETE)" in said


def test_a_stack_that_appears_during_the_run_is_not_touched(
    account: Account, called: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    after(monkeypatch, "LambdaPattern", lambda: account.stacks.add(f"{PREFIX}-FargatePattern"))
    assert run(["--target", "aws", "--yes"]) == 1
    assert called == TWO


def test_without_permission_to_look_nothing_is_done(account: Account, called: list[str]) -> None:
    account.may_look = False
    assert run(["--target", "aws", "--yes"]) == 1
    assert called == []


def test_each_run_has_a_prefix_of_its_own_and_touches_no_stack_of_cdk_json() -> None:
    prefixes = {trial.own_prefix() for _ in range(20)}
    assert len(prefixes) == 20
    assert all(Settings.from_context({"prefix": one}).prefix == one != "lof" for one in prefixes)


def test_what_preflight_finds_stops_it_before_anything_is_done(
    account: Account, called: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Finding(about="Zones", level=Level.FAILS, found="no VPC origins", todo="Deploy with -c zones=a,b.")
    monkeypatch.setattr(preflight, "findings", lambda *_: [bad])
    assert run(["--target", "aws", "--yes"]) == 1
    assert called == []
    assert "Deploy with -c zones=a,b." in capsys.readouterr().out


def test_settings_go_to_each_deploy_and_destroy(
    account: Account, called: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(trial, "_cdk", lambda *arguments: told.append(arguments))
    monkeypatch.setattr(trial, "read_outputs", lambda _: {})
    asked = ["--target", "aws", "--yes", "-c", "architecture=x86_64"]
    assert run(asked, lambda _: None) == 0
    assert len(told) == 2 * len(STACKS)
    assert all("architecture=x86_64" in one for one in told)


def test_a_destroy_that_fails_is_repeated_once(
    account: Account, called: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def held_up(what: str, stack: str, *_: str) -> None:
        tried.append(f"{what} {stack}")
        if what == "destroy" and stack == "Network" and tried.count("destroy Network") == 1:
            raise LocalAwsError("The subnet has dependencies and cannot be deleted.")

    monkeypatch.setattr(trial, "_cdk", held_up)
    monkeypatch.setattr(trial, "read_outputs", lambda _: {})
    assert run(["--target", "aws", "--yes"], lambda _: None) == 0
    assert tried.count("destroy Network") == 2
