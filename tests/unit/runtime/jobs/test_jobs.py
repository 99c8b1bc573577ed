"""The job table, uploads of tiles, and what follows when a task has ended."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from runtime.exits import StoppedError
from runtime.jobs.record import MOST_COUNTED, State
from runtime.jobs.stopped_task import NEVER_STARTED, OVERDUE, NextStep, parse_stopped_task
from runtime.work.uploads import Uploads
from tests.support.hybrid import World, make_world
from tests.support.jobs import JOB


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield make_world()


def test_a_job_comes_back_as_it_was_stored(world: World) -> None:
    tried = JOB.next_attempt(5, "why")
    assert tried
    stored = world.jobs.create(replace(tried, spot=True))
    assert world.jobs.get(JOB.job_id) == stored


def test_a_refusal_is_forgotten_once_a_task_was_accepted_or_failed_to_start() -> None:
    starting = replace(JOB, state=State.STARTING, where="fargate", refused_since=1)
    for moved in (starting.accepted(JOB.attempt, JOB.refusals, "arn"), starting.put_back(60)):
        assert moved
        assert moved.refused_since == 0


def test_a_task_that_is_known_not_to_have_started_is_not_accepted_any_more() -> None:
    starting = replace(JOB, state=State.STARTING, where="fargate")
    assert starting.accepted(JOB.attempt, JOB.refusals, "arn")
    waiting = starting.put_back(60)
    assert waiting
    assert waiting.accepted(JOB.attempt, JOB.refusals, "arn") is None


def test_a_job_remembers_the_last_tasks_only_so_that_its_record_stays_small() -> None:
    job = JOB
    for number in range(2 * MOST_COUNTED):
        job = job.accounted(f"arn{number}") or job
    assert len(job.counted_arns) == MOST_COUNTED
    assert job.accounted(f"arn{2 * MOST_COUNTED - 1}") is None


def test_the_first_of_two_who_create_a_job_wins(world: World) -> None:
    first = world.jobs.create(JOB)
    assert world.jobs.create(replace(JOB, key="another")) == first


def test_whoever_changes_a_job_sees_what_others_did_meanwhile(world: World) -> None:
    world.jobs.create(JOB)
    seen = []

    def slow(job: Any) -> Any:
        seen.append(job.percent)
        if len(seen) == 1:
            world.jobs.transition(JOB.job_id, lambda one: replace(one, percent=50))
        return replace(job, percent=job.percent + 1)

    changed = world.jobs.transition(JOB.job_id, slow)
    assert seen == [0, 50]
    assert changed
    assert changed.percent == 51


def test_only_open_jobs_are_in_the_index_and_only_ended_ones_expire(world: World) -> None:
    world.jobs.create(JOB)
    assert world.jobs.waiting(10) == [JOB.job_id]
    world.jobs.claim(JOB.job_id)
    assert (world.jobs.waiting(10), world.jobs.overdue(10)) == ([], [])
    world.now += 10_000
    assert world.jobs.overdue(10) == [JOB.job_id]
    assert "expires_at" not in world.table.get_item(Key={"job_id": JOB.job_id})["Item"]
    world.jobs.complete(JOB)
    assert world.jobs.overdue(10) == []
    expires = world.table.get_item(Key={"job_id": JOB.job_id})["Item"]["expires_at"]
    assert int(expires) == world.now + 90 * 24 * 3600


def test_a_final_state_stays() -> None:
    for state in (State.DONE, State.REJECTED, State.FAILED):
        job = replace(JOB, state=state)
        assert job.ended(0, State.DONE) is job.next_attempt(0, "") is job.claimed(0, 0) is None
        assert job.running(0, 1, "", 0) is None


def stop(**task: Any) -> dict[str, Any]:
    environment = [{"name": "JOB_ID", "value": "j"}, {"name": "ATTEMPT", "value": "2"}]
    overrides = {"containerOverrides": [{"name": "worker", "environment": environment}]}
    container = {"name": "worker", **task.pop("container", {})}
    return {"overrides": overrides, "containers": [{"name": "sidecar"}, container], **task}


@pytest.mark.parametrize(
    ("task", "next_step"),
    [
        ({"stopCode": "EssentialContainerExited", "container": {"exitCode": 0}}, NextStep.ENDED),
        ({"stopCode": "EssentialContainerExited", "container": {"exitCode": 3}}, NextStep.ENDED),
        ({"stopCode": "SpotInterruption", "container": {"exitCode": 0}}, NextStep.ENDED),
        ({"stopCode": "EssentialContainerExited", "container": {"exitCode": 4}}, NextStep.AGAIN),
        ({"stopCode": "EssentialContainerExited", "container": {"exitCode": 137}}, NextStep.AGAIN),
        (
            {
                "stopCode": "EssentialContainerExited",
                "container": {"exitCode": 137, "reason": "OutOfMemoryError: Container killed"},
            },
            NextStep.LARGER,
        ),
        ({"stopCode": "EssentialContainerExited", "container": {"exitCode": 1}}, NextStep.FAILED),
        ({"stopCode": "EssentialContainerExited", "container": {"exitCode": 139}}, NextStep.FAILED),
        ({"stopCode": "SpotInterruption", "container": {"exitCode": 1}}, NextStep.AGAIN),
        ({"stopCode": "TerminationNotice", "container": {"exitCode": 137}}, NextStep.AGAIN),
        ({"stopCode": "InfrastructureHealth"}, NextStep.AGAIN),
        ({"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError"}, NextStep.NEVER_RAN),
        ({"stopCode": "UserInitiated", "container": {"exitCode": 4}}, NextStep.FAILED),
        ({"stopCode": "UserInitiated", "stoppedReason": OVERDUE}, NextStep.FAILED),
        ({"stopCode": "UserInitiated", "stoppedReason": NEVER_STARTED}, NextStep.AGAIN),
        ({}, NextStep.AGAIN),
    ],
)
def test_the_way_in_which_a_task_ended_decides_the_next_step(
    task: dict[str, Any], next_step: NextStep
) -> None:
    found = parse_stopped_task(stop(**task))
    assert found
    assert (found.job_id, found.attempt, found.next_step) == ("j", 2, next_step)
    assert found.why


@pytest.mark.parametrize(("ended", "billed"), [("21:32:10.5", 100), ("21:30:50", 60)])
def test_the_seconds_of_a_task_are_counted_from_the_image_pull_and_are_at_least_a_minute(
    ended: str, billed: float
) -> None:
    times = {"pullStartedAt": "2026-11-24T21:30:30.5Z", "stoppedAt": f"2026-11-24T{ended}Z"}
    found = parse_stopped_task(stop(cpu="2048", memory="4096", createdAt="2026-11-24T21:29:00Z", **times))
    assert found
    assert (found.vcpu_seconds, found.gb_seconds) == (2 * billed, 4 * billed)


def test_a_task_of_somebody_else_is_left_alone(world: World) -> None:
    event = {"detail-type": "ECS Task State Change", "detail": {"taskArn": "a", "overrides": {}}}
    assert world.track(event).metric == "NotOurs"


def test_no_more_uploads_are_in_progress_than_there_are_threads() -> None:
    most, now, lock = 0, 0, threading.Lock()
    let_go = threading.Semaphore(0)

    def put(path: str, data: bytes) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        let_go.acquire()
        with lock:
            now -= 1

    taken = []

    def store_all() -> None:
        with Uploads(put, threads=3) as uploads:
            for number in range(20):
                uploads.store(str(number), b"")
                taken.append(number)

    thread = threading.Thread(target=store_all)
    thread.start()
    for _ in range(20):
        let_go.release()
    thread.join(10)
    assert not thread.is_alive()
    assert (len(taken), most <= 3) == (20, True)


def test_an_upload_that_fails_ends_the_work_and_drops_the_rest() -> None:
    stored = []

    def put(path: str, data: bytes) -> None:
        if path == "2":
            raise OSError("gone")
        stored.append(path)

    def store_all() -> None:
        with Uploads(put, threads=1) as uploads:
            for number in range(100):
                uploads.store(str(number), b"")

    with pytest.raises(OSError, match="gone"):
        store_all()
    assert len(stored) < 10


def test_the_signal_to_stop_ends_the_worker_also_within_a_call_to_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """botocore would treat an Exception as a failed connection and retry; StoppedError is a BaseException."""
    asked: list[str] = []

    def told_to_stop(*_: Any, **__: Any) -> Any:
        asked.append("s3")
        raise StoppedError

    client = boto3.client("s3", endpoint_url="http://127.0.0.1:9")
    monkeypatch.setattr("urllib3.connectionpool.HTTPConnectionPool.urlopen", told_to_stop)
    with pytest.raises(StoppedError):
        client.get_object(Bucket="b", Key="k")
    assert asked == ["s3"]
