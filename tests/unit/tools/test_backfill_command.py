"""`python3 dev.py backfill`: what it says before it asks for confirmation, and how it ends."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from stacks.backfill.stack import FED
from stacks.settings import Settings
from tools.commands import backfill
from tools.commands.backfill_plan import DEFAULTS, duration, planned
from tools.drivers.backfill import Progress
from tools.drivers.deployed import Deployed
from tools.local_aws import running
from tools.local_aws.aws import LocalAwsError

SUCCEEDED = Progress(status="SUCCEEDED", objects=3, done=3)


@dataclass
class Driver:
    """A double of BackfillDriver: each call of `progress` returns the next of `states`."""

    states: list[Progress]
    found: Counter[str] = field(default_factory=lambda: Counter({"sent": 2, "shown": 1}))
    going_on: list[str] = field(default_factory=list)
    asked: dict[str, object] = field(default_factory=lambda: {"prefix": "", "at_once": 2})
    started: list[tuple[str, int]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def running(self) -> list[str]:
        return self.going_on

    def input_of(self, execution: str) -> dict[str, object]:
        return self.asked

    def start(self, *, prefix: str, at_once: int) -> str:
        self.started.append((prefix, at_once))
        return "new"

    def stop(self, execution: str) -> None:
        self.stopped.append(execution)

    def progress(self, execution: str) -> Progress:
        return self.states.pop(0)

    def counts(self, execution: str) -> Counter[str]:
        return self.found


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    made = Driver(states=[SUCCEEDED])
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="source")
        for number in range(3):
            s3.put_object(Bucket="source", Key=f"old/{number}", Body=b"x")
        outputs = {"SourceBucket": "source", "OutputBucket": "output", "Queue": "queue"}
        found = Deployed(client=boto3.client, resource=boto3.resource, outputs=outputs)
        monkeypatch.setattr(running, "find", lambda *_: found)
        monkeypatch.setattr(backfill.Run, "deploy", lambda *_: made)
        monkeypatch.setattr(backfill, "BackfillDriver", lambda **_: made)
        monkeypatch.setattr(backfill, "LOOK_SECONDS", {"local": 0, "aws": 0})
        monkeypatch.setenv("COLUMNS", "200")
        yield made


def run(*arguments: str) -> int:
    return backfill.main(["--pattern", "LambdaPattern", *arguments])


def test_it_counts_prices_asks_starts_and_says_what_became_of_them(
    driver: Driver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.states = [Progress(status="RUNNING"), Progress(status="RUNNING", objects=3, done=1), SUCCEEDED]
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    assert run("--prefix", "old/") == 0
    said = capsys.readouterr().out
    assert "3 objects, 2 at once: at least 2 seconds\n" in said
    assert "  thumbnails of photos: 1.0 s each, 2 in parallel\n" in said
    assert "by list prices" in said
    assert "2 sent, 1 had their result." in said
    assert driver.started == [("old/", 2)]


def test_nothing_is_started_without_a_yes(
    driver: Driver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert run() == 1
    assert "Nothing was done." in capsys.readouterr().out

    def nobody(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    assert run() == 1
    assert "use --yes" in capsys.readouterr().out
    assert driver.started == []


def test_a_prefix_without_objects_is_refused_before_anything_is_deployed(
    driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--prefix", "new/", "--yes") == 1
    assert "nothing in source begins with 'new/'" in capsys.readouterr().out
    assert driver.started == []


def test_a_run_that_goes_on_is_followed_and_no_other_is_started(
    driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    driver.going_on = ["old"]
    assert run("--yes") == 0
    assert "follows it, and starts no other" in capsys.readouterr().out
    assert driver.started == []


@pytest.mark.parametrize("other", [("--prefix", "old/"), ("--at-once", "3")])
def test_another_run_than_was_asked_for_is_not_followed(
    driver: Driver, capsys: pytest.CaptureFixture[str], other: tuple[str, str]
) -> None:
    driver.going_on = ["old"]
    assert run("--yes", *other) == 1
    assert "a run with --prefix '' --at-once 2 is in progress" in capsys.readouterr().out
    assert driver.started == []


def test_ctrl_c_before_anything_was_started_is_no_traceback(
    driver: Driver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupt)
    assert run() == 130
    assert "Interrupted." in capsys.readouterr().out
    assert driver.started == []


def expired(*_: object) -> None:
    raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, "Call")


def test_an_error_after_the_end_does_not_say_that_the_run_goes_on(
    driver: Driver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "counts", expired)
    assert run("--yes") == 1
    said = capsys.readouterr().out
    assert "ExpiredToken" in said
    assert "continues" not in said


def test_when_it_can_no_longer_look_it_says_that_the_run_goes_on(
    driver: Driver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "_follow", expired)
    assert run("--yes") == 1
    said = capsys.readouterr().out
    assert "ExpiredToken" in said
    assert "The run continues all the same. The same command follows it" in said


def test_a_run_that_failed_or_was_stopped_says_why_and_how_to_go_on(
    driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    driver.states = [Progress(status="FAILED", why="States.Permissions: no", objects=3, done=1, failed=2)]
    assert run("--yes") == 1
    said = capsys.readouterr().out
    assert "It ended as FAILED. States.Permissions: no" in said
    assert "The same command resumes it." in said


def test_objects_in_failed_batches_are_reported_and_the_exit_code_is_1(
    driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    driver.states = [Progress(status="SUCCEEDED", objects=100, done=98, failed=2)]
    assert run("--yes") == 1
    assert "2 are in batches that failed: the same command tries them again." in capsys.readouterr().out


def test_ctrl_c_while_a_run_is_followed_says_how_to_stop_the_run(
    driver: Driver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backfill, "_follow", interrupt)
    assert run("--yes", "--target", "aws", "--profile", "my own") == 130
    command = "python3 dev.py backfill --pattern LambdaPattern --target aws --profile 'my own' --stop"
    assert command in capsys.readouterr().out
    assert driver.stopped == []


def test_stop_stops_the_run_in_progress(driver: Driver, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--stop") == 0
    assert "No run is in progress." in capsys.readouterr().out
    driver.going_on = ["one"]
    assert run("--stop") == 0
    assert driver.stopped == ["one"]


def test_a_missing_local_aws_is_an_error_that_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise LocalAwsError("No local AWS is running")

    monkeypatch.setattr(running, "find", missing)
    assert run() == 1
    assert "No local AWS is running" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [["--at-once", "0"], ["--plan", "many"], ["--at-once", "-1"], ["--at-once", "²"]]
)
def test_invalid_numbers_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        run(*wrong)


def test_there_is_a_default_for_each_pattern_that_can_be_fed() -> None:
    assert {*DEFAULTS} == {*FED}


def test_a_plan_needs_no_account(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for pattern in DEFAULTS:
        assert backfill.main(["--pattern", pattern, "--plan", "10000000"]) == 0
    assert "An execution ends after a year" in capsys.readouterr().out, "ten million scans, two at once"
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nrequests = 1\nduration_ms = { x86_64 = 3000, arm64 = 2000 }\nmemory_mb = 512\n'
    )
    assert run("--plan", "10", "--workload", "mine.toml", "--from", str(tmp_path)) == 0
    assert "10 objects, 2 at once: at least 12 seconds\n  mine: 2.5 s each, 2 in" in capsys.readouterr().out
    assert run("--plan", "10", "--workload", "none.toml", "--from", str(tmp_path)) == 1
    assert "none.toml" in capsys.readouterr().out


SETTINGS = Settings(max_concurrency=120)


def test_the_plan_for_ten_million_photos_agrees_with_a_calculation_by_hand() -> None:
    plan = planned("LambdaPattern", 10_000_000, SETTINGS, at_once=20)
    assert plan.seconds == pytest.approx(10e6 * (0.5 + 0.5) / 20)
    s3, steps, function, queue = (item.usd for item in plan.feeding())
    assert s3 == pytest.approx(2 * 10_000 * 0.005 / 1000 + 3 * 10e6 * 0.0004 / 1000)
    calls = plan.seconds / (300 - 70)
    assert steps == pytest.approx((250_000 * 4 + calls * 2) * 0.025 / 1000)
    assert function == pytest.approx((250_000 + calls) * 0.20 / 1e6 + plan.seconds * 0.5 * 0.0000133334)
    assert queue == pytest.approx((10e6 + plan.seconds / 0.5) * 0.40 / 1e6)
    assert plan.usd == pytest.approx(s3 + steps + function + queue + plan.working)


@pytest.mark.parametrize(
    ("pattern", "at_once", "workers"),
    [
        ("LambdaPattern", 2, 2),
        ("LambdaPattern", 60, 4),
        ("HybridPattern", 60, 60),
        ("QueuePattern", 1, 1),
        ("QueuePattern", 10, 1),
        ("QueuePattern", 21, 3),
        ("QueuePattern", 500, 4),
    ],
)
def test_no_more_work_runs_side_by_side_than_the_settings_allow(
    pattern: str, at_once: int, workers: int
) -> None:
    assert planned(pattern, 1, Settings(), at_once=at_once).workers == workers


def test_a_task_of_hybrid_pattern_has_to_start_first() -> None:
    plan = planned("HybridPattern", 100, Settings(), at_once=1)
    assert plan.each == pytest.approx(45 + 6.7 + 0.5)


def test_a_backfill_is_no_faster_than_the_function_sends() -> None:
    plan = planned("LambdaPattern", 3000, SETTINGS, at_once=1000)
    assert plan.seconds == pytest.approx(100)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 second"),
        (61, "1 minute 1 second"),
        (7200, "2 hours"),
        (90_000, "1 day 1 hour"),
        (86_461, "1 day 1 minute"),
    ],
)
def test_a_duration_is_said_in_its_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words
