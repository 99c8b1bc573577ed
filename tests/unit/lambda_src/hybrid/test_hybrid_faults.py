"""Each way in which the hybrid's work can go wrong, one by one: docs/hybrid-pattern.md has the table.

Always: one published result or one final state with its reason, no half of a tree to be seen, no job past its
deadline, no task left running, and nothing failed that was merely waiting.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from runtime.jobs.record import START_SECONDS, Job, State
from tests.support.hybrid import SCAN, SECONDS, World, invisible, make_world, published
from tests.support.images import encode, noise


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield make_world()


def test_a_small_scan_is_done_by_the_function_and_says_why(world: World) -> None:
    assert world.dispatch(world.upload(SCAN)).what == "DoneByLambda"
    job = world.job
    assert (job.state, job.where, job.percent) == (State.DONE, "lambda", 100)
    assert "the function does it itself" in job.placement
    assert published(world, job)
    assert world.ecs.asked == []


def test_at_any_fraction_of_a_second_a_job_begins_at_once(world: World) -> None:
    for fraction in (0.2, 0.5, 0.8):
        world.now = int(world.now) + fraction
        assert world.by_tasks_only().dispatch(world.upload(SCAN)).what == "TaskStarted"


def test_a_large_scan_is_done_by_one_task_and_says_why(world: World) -> None:
    assert world.by_tasks_only().dispatch(world.upload(SCAN)).what == "TaskStarted"
    (task,) = world.ecs.live
    assert world.job.state is State.STARTING
    world.track(world.run_task(task))
    job = world.job
    assert (job.state, job.where, job.attempt, job.task_arn) == (State.DONE, "fargate", 1, task)
    assert "a task of 1 vCPU" in job.placement
    assert published(world, job)


def test_a_message_that_comes_ten_times_starts_one_task(world: World) -> None:
    message = world.by_tasks_only().upload(SCAN)
    outcomes = [world.dispatch(message).what for _ in range(10)]
    assert outcomes == ["TaskStarted", *["NothingToDo"] * 9]
    assert len(world.ecs.asked) == len(world.ecs.tasks) == 1
    world.run_task(world.ecs.live[0])
    assert world.dispatch(message).what == "NothingToDo"
    assert published(world, world.job)


def test_ten_messages_at_once_start_one_task(world: World) -> None:
    message = world.by_tasks_only().upload(SCAN)
    together = threading.Barrier(10)
    outcomes: list[str] = []

    def dispatch() -> None:
        together.wait()
        outcomes.append(world.dispatch(message).what)

    threads = [threading.Thread(target=dispatch) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [*["NothingToDo"] * 9, "TaskStarted"]
    assert len(world.ecs.tasks) == 1


def test_a_dispatcher_killed_between_run_task_and_saving_loses_no_task(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = world.by_tasks_only().upload(SCAN)
    with monkeypatch.context() as killed:
        killed.setattr(Job, "accepted", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            world.dispatch(message)
    assert (world.job.state, world.job.task_arn) == (State.STARTING, "")
    assert world.dispatch(message).what == "NothingToDo", "the message comes again, and waits for the sweep"
    world.now += START_SECONDS + 1
    world.sweep()
    world.deliver_calls()
    assert len(world.ecs.tasks) == 1, "the same token gives the same task"
    assert world.job.task_arn == world.ecs.live[0]
    world.track(world.run_task(world.ecs.live[0]))
    assert published(world, world.job)


def test_a_task_that_is_faster_than_its_dispatcher_is_not_started_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = world.by_tasks_only().upload(SCAN)
    run = world.ecs.run_task

    def run_at_once(**request: Any) -> Any:
        answer = run(**request)
        world.track(world.run_task(answer["tasks"][0]["taskArn"]))
        return answer

    monkeypatch.setattr(world.ecs, "run_task", run_at_once)
    world.dispatch(message)
    assert (world.job.state, world.job.attempt) == (State.DONE, 1)


def test_an_attempt_of_the_function_that_dies_goes_to_a_task(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its timeout or for want of memory: nothing of ours runs after that."""
    message = world.upload(SCAN)
    with monkeypatch.context() as killed:
        killed.setattr(type(world.works), "run", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            world.dispatch(message)
    assert world.job.state is State.WORKING
    assert world.dispatch(message).what == "NothingToDo", "somebody else holds the lease"
    world.now += SECONDS + 60
    world.sweep()
    assert [one.what for one in world.deliver_calls()] == ["TaskStarted"]
    world.track(world.run_task(world.ecs.live[0]))
    job = world.job
    assert (job.state, job.where, job.attempt) == (State.DONE, "fargate", 2)
    assert "timeout" in job.tries[0].why
    assert published(world, job)


def test_work_that_fails_in_the_function_goes_to_a_task_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(
            type(world.works), "run", lambda *_, **__: (_ for _ in ()).throw(MemoryError("of tiles"))
        )
        outcome = world.dispatch(world.upload(SCAN))
    assert (outcome.what, outcome.facts["given_to_task"]) == ("TaskStarted", "MemoryError: of tiles")
    assert (world.job.state, world.job.attempt) == (State.STARTING, 2)
    assert "MemoryError: of tiles" in world.job.tries[0].why


def test_a_function_that_comes_back_after_its_lease_does_no_harm(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = world.upload(SCAN)
    work = type(world.works).run

    def slowly(*arguments: Any, **named: Any) -> bool:
        world.now += SECONDS + 60
        world.sweep()
        world.deliver_calls()
        return work(*arguments, **named)

    with monkeypatch.context() as slow:
        slow.setattr(type(world.works), "run", slowly)
        world.dispatch(message)
    assert world.job.state is State.DONE
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, len(world.ecs.tasks)) == (State.DONE, 1)
    assert published(world, world.job)


def test_progress_that_cannot_be_noted_costs_no_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("container.worker.attempt.EVERY_SECONDS", 0)
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "UpdateItem")
    monkeypatch.setattr(type(world.jobs), "progress", lambda *_: (_ for _ in ()).throw(throttled))
    world.by_tasks_only().dispatch(world.upload(SCAN))
    world.track(world.run_task(world.ecs.live[0]))
    assert published(world, world.job)


def test_a_begin_whose_answer_was_lost_is_its_own(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    job_id = world.job.job_id
    assert world.jobs.change(job_id, lambda job: job.running(world.now, 1, task, 60))
    assert world.jobs.change(job_id, lambda job: job.running(world.now, 1, task, 60))
    assert world.jobs.change(job_id, lambda job: job.running(world.now, 1, "another", 60)) is None


@pytest.mark.parametrize("by_task", [False, True])
@pytest.mark.parametrize(
    ("data", "reason"), [(b"text", "not-an-image"), (SCAN[: len(SCAN) // 2], "truncated"), (b"", "empty")]
)
def test_corrupt_input_ends_as_a_rejection_and_nothing_is_left_of_it(
    world: World, data: bytes, reason: str, by_task: bool
) -> None:
    if by_task:
        world.by_tasks_only()
    world.dispatch(world.upload(data))
    for task in world.ecs.live:
        end = world.run_task(task)
        assert end["detail"]["containers"][0]["exitCode"] == 3
        world.track(end)
    job = world.job
    assert job.state is State.REJECTED
    assert reason in job.message
    assert world.keys() == [f"rejected/{job.job_id}.json"]


def test_without_permission_to_write_the_job_fails_with_the_reason_and_can_be_retried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
    with monkeypatch.context() as refused:
        refused.setattr(type(world.works.output), "put", lambda *_: (_ for _ in ()).throw(denied))
        with pytest.raises(ClientError, match="AccessDenied"):
            world.work(task)
    world.track(world.ecs.end(task, exit_code=1, reason="Essential container in task exited"))
    job = world.job
    assert (job.state, "exit code 1" in job.message) == (State.FAILED, True)
    assert invisible(world, job)
    assert world.counted["JobFailed"] == 1

    world.jobs.change(job.job_id, lambda one: one.asked_for_again(world.now))
    world.sweep()
    world.deliver_calls()
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, world.job.attempt) == (State.DONE, 2)
    assert published(world, world.job)


def test_viewers_find_a_tree_only_once_its_last_tile_is_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = threading.Event()
    put = type(world.works.output).put

    def put_the_last_tile_too_late(self: Any, key: str, *rest: Any, **named: Any) -> None:
        if key.endswith("info.json"):
            described.set()
        if "/full/" in key:
            described.wait(0.5)
            raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject")
        put(self, key, *rest, **named)

    world.by_tasks_only().dispatch(world.upload(SCAN))
    with monkeypatch.context() as slow:
        slow.setattr(type(world.works.output), "put", put_the_last_tile_too_late)
        with pytest.raises(ClientError, match="SlowDown"):
            world.work(world.ecs.live[0])
    assert not described.is_set()
    assert invisible(world, world.job)


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_source_that_is_deleted_meanwhile_is_rejected_and_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    message = world.by_tasks_only().upload(SCAN)
    world.dispatch(message)
    described = message["detail"]["object"]

    def delete() -> None:
        version = described["version-id"]
        world.s3.delete_object(Bucket="source", Key=described["key"], VersionId=version)
        world.dispatch(
            {**message, "detail-type": "Object Deleted", "detail": {**message["detail"], **_REMOVED}}
        )

    if when == "before":
        delete()
    else:
        publish = type(world.works.output).publish

        def publish_after(*arguments: Any) -> bool:
            delete()
            return publish(*arguments)

        monkeypatch.setattr(type(world.works.output), "publish", publish_after)
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, "source-gone" in world.job.message) == (State.REJECTED, True)
    assert world.keys("v/") == []


_REMOVED = {"deletion-type": "Permanently Deleted"}


def test_a_second_version_during_the_work_is_what_is_shown_in_the_end(world: World) -> None:
    first = world.by_tasks_only().upload(SCAN)
    second = world.upload(encode(noise(900, 800), ".tif"))
    for message in (first, second):
        world.dispatch(message)
    one, two = world.ecs.live
    for task in (two, one):
        world.track(world.run_task(task))
    jobs = {job.version_id: job for job in world.jobs.all()}
    assert {job.state for job in jobs.values()} == {State.DONE}
    assert published(world, jobs[second["detail"]["object"]["version-id"]])


def test_a_worker_whose_job_went_on_without_it_stops_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("container.worker.attempt.EVERY_SECONDS", 0)
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    attempt = world.attempt(task)
    progress = type(world.jobs).progress

    def after_the_next_has_begun(jobs: Any, job_id: str, number: int, percent: int) -> bool:
        jobs.change(job_id, lambda job: job.tried_again(world.now, 1, "thought to be lost"))
        return progress(jobs, job_id, number, percent)

    monkeypatch.setattr(type(world.jobs), "progress", after_the_next_has_begun)
    assert attempt.run() == 0
    assert (world.job.state, world.job.attempt) == (State.WAITING, 2)
    assert invisible(world, world.job)
    world.track(world.ecs.end(task, exit_code=0))
    assert (world.job.state, world.job.attempt) == (State.WAITING, 2)


def test_too_many_pixels_are_refused_before_anything_is_read_but_the_header(world: World) -> None:
    world.limits = replace(world.limits, max_pixels=1000)
    assert world.dispatch(world.upload(SCAN)).what == "Rejected"
    assert "too-many-pixels" in world.job.message
