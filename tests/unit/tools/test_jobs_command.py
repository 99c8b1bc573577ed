"""`python3 dev.py jobs`, as somebody in another terminal uses it."""

import json
import time
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from runtime.jobs.record import State
from tests.support.hybrid import World, make_world
from tests.support.images import encode, noise
from tools.commands import jobs
from tools.drivers.deployed import Deployed
from tools.drivers.hybrid_pattern import LOG_GROUPS
from tools.local_aws import running


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with mock_aws():
        made = make_world()
        made.now = time.time()
        outputs = {"JobTable": "jobs", "Queue": made.queue}
        outputs |= {output: f"/{who}" for who, output in LOG_GROUPS.items()}
        for group in LOG_GROUPS:
            boto3.client("logs").create_log_group(logGroupName=f"/{group}")
            boto3.client("logs").create_log_stream(logGroupName=f"/{group}", logStreamName="one")
        found = Deployed(client=boto3.client, resource=boto3.resource, outputs=outputs)
        monkeypatch.setattr(running, "find", lambda stack, target, profile: found)
        monkeypatch.setenv("COLUMNS", "200")
        made.by_tasks_only().dispatch(made.upload(encode(noise(600, 600), ".tif"), "[scan] 1.tif"))
        yield made


def test_the_list_says_where_each_job_is_and_why(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert jobs.main([]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("[scan] 1.tif", "starting", "0 %", "a task of 1 vCPU"))
    assert jobs.main(["--state", "failed"]) == 0
    assert "no matching jobs" in capsys.readouterr().out


def test_a_failed_job_shows_every_attempt_and_can_be_retried(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    job = world.job.job_id
    assert jobs.main(["retry", job]) == 1
    assert "only failed jobs" in capsys.readouterr().out
    world.track(world.ecs.end(world.ecs.live[0], exit_code=139))
    assert jobs.main(["retry", job[:8]]) == 0
    assert jobs.main(["show", job[:8]]) == 0
    said = capsys.readouterr().out
    assert "starts again, as attempt 2" in said
    assert "exit code 139" in said
    world.now = time.time()  # the command uses the real clock for when the retry is due
    world.deliver_wake_ups()
    assert (world.job.state, world.job.attempt) == (State.STARTING, 2)


def test_all_that_failed_are_retried_at_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.dispatch(world.upload(encode(noise(600, 600), ".tif"), "2.tif"))
    for task in list(world.ecs.live):
        world.track(world.ecs.end(task, exit_code=139))
    world.dispatch(world.upload(encode(noise(600, 600), ".tif"), "3.tif"))
    assert jobs.main(["retry", "--state", "failed"]) == 0
    assert "2 of 2 failed jobs start again." in capsys.readouterr().out
    assert sorted((job.key, job.attempt) for job in world.jobs.all()) == [
        ("2.tif", 2),
        ("3.tif", 1),
        ("[scan] 1.tif", 2),
    ]
    for wrong in (["retry"], ["retry", "abc", "--state", "failed"], ["show"], ["logs"]):
        with pytest.raises(SystemExit):
            jobs.main(wrong)


def write(who: str, seconds: int, text: str) -> None:
    event = {"timestamp": int((time.time() + seconds) * 1000), "message": text}
    boto3.client("logs").put_log_events(logGroupName=f"/{who}", logStreamName="one", logEvents=[event])


def test_the_logs_of_dispatcher_worker_and_tracker_are_shown_together_by_time(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    job = world.job.job_id
    assert jobs.main(["logs", job[:8]]) == 0
    assert "Nothing has been logged about it yet" in capsys.readouterr().out
    started = {"message": "TaskStarted", "job_id": job, "attempt": 1, "placement": "It is large."}
    write(
        "tracker",
        20,
        json.dumps({"message": "TaskStopped", "job_id": job, "attempt": 1, "why": "exit code 139"}),
    )
    write("worker", 10, f"[not JSON] of {job}")
    write("worker", 11, json.dumps({"message": "Done.", "exit": 0, "job_id": "another"}))
    write("dispatcher", 1, json.dumps({**started, "xray_trace_id": "1-2-3"}))
    assert jobs.main(["logs", job[:8]]) == 0
    lines = [line[20:] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "dispatcher TaskStarted attempt=1 placement=It is large. xray_trace_id=1-2-3",
        f"worker     [not JSON] of {job}",
        "tracker    TaskStopped attempt=1 why=exit code 139",
    ]


def test_an_unknown_job_id_is_an_error_that_says_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert jobs.main(["show", "zzz"]) == 1
    assert "No job begins with 'zzz'" in capsys.readouterr().out


def test_with_nothing_running_it_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.setattr(running, "FILE", tmp_path_factory.mktemp("none") / "running.json")
    monkeypatch.setattr(running, "forget_other_accounts", lambda: None)
    assert jobs.main([]) == 1
    assert "demo --keep" in capsys.readouterr().out


def test_a_record_that_cannot_be_read_hides_no_other(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.table.put_item(Item={"job_id": "of-another-version", "state": "sleeping", "tries": []})
    assert jobs.main([]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "The record of of-another-version cannot be read" in said
    assert "[scan] 1.tif" in said
