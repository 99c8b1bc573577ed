"""The run in an account, as far as it goes without one: its plan, its question, the destroy that comes."""

import json
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from local import e2e
from local.aws import LocalAwsError


def test_the_plan_needs_no_credentials_and_says_what_it_costs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert e2e.main(["--target", "aws", "--plan"]) == 0
    said = capsys.readouterr().out
    assert "about $0." in said
    assert "5. cdk destroy, also when something before it failed" in said


def test_without_a_yes_nothing_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "y")
    monkeypatch.setattr(e2e, "_cdk", lambda *_: pytest.fail("It went on."))
    with mock_aws():
        assert e2e.main(["--target", "aws"]) == 1
    said = capsys.readouterr().out
    assert said.index("Account 123456789012, us-east-1.") < said.index("Nothing was done.")


def test_where_nobody_can_answer_nothing_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    monkeypatch.setattr(e2e, "_cdk", lambda *_: pytest.fail("It went on."))
    with mock_aws():
        assert e2e.main(["--target", "aws"]) == 1
    assert "say --yes" in capsys.readouterr().out


@pytest.mark.parametrize("fails", ["deploy", "check"])
def test_whatever_fails_everything_is_destroyed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], fails: str
) -> None:
    called: list[str] = []

    def cdk(what: str, *_: str) -> None:
        called.append(what)
        if what == fails:
            raise LocalAwsError(f"cdk {what} failed")
        (tmp_path / "outputs.json").write_text(json.dumps({}))

    def check(*_: Any) -> None:
        raise LocalAwsError("FargatePattern answers 504")

    monkeypatch.setattr(e2e, "FOLDER", tmp_path)
    monkeypatch.setattr(e2e, "_cdk", cdk)
    monkeypatch.setattr(e2e, "check", check)
    monkeypatch.setattr(e2e, "stop_tasks", lambda _: called.append("stop tasks"))
    with mock_aws():
        assert e2e.main(["--target", "aws", "--yes"]) == 1
    assert called == ["deploy", "stop tasks", "destroy"]
    assert "Error: " in capsys.readouterr().out
