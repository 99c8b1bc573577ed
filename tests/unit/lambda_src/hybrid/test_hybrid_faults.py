"""Ways in which the hybrid's work can go wrong, one by one; docs/hybrid-pattern.md has the table.

In each case there must be one published result or one final state with its reason, no visible partial
pyramid, no job past its deadline, and no task left running; a job that merely waits must not fail.
"""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from runtime.exits import StoppedError
from runtime.jobs.record import START_SECONDS, Job, State
from tests.support.hybrid import SCAN, SECONDS, World, invisible, make_world, published


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield make_world()


def test_a_small_scan_is_done_by_the_function_and_its_job_says_why(world: World) -> None:
    assert world.dispatch(world.upload(SCAN)).metric == "DoneByLambda"
    job = world.job
    assert (job.state, job.where, job.percent) == (State.DONE, "lambda", 100)
    assert "it runs in the function" in job.placement
    assert published(world, job)
    assert world.ecs.asked == []


def test_at_any_fraction_of_a_second_a_job_begins_at_once(world: World) -> None:
    for fraction in (0.2, 0.5, 0.8):
        world.now = int(world.now) + fraction
        assert world.by_tasks_only().dispatch(world.upload(SCAN)).metric == "TaskStarted"


def test_a_scan_that_only_tasks_may_do_is_done_by_one_task_and_its_job_says_why(world: World) -> None:
    assert world.by_tasks_only().dispatch(world.upload(SCAN)).metric == "TaskStarted"
    (task,) = world.ecs.live
    assert world.job.state is State.STARTING
    world.track(world.run_task(task))
    job = world.job
    assert (job.state, job.where, job.attempt, job.task_arn) == (State.DONE, "fargate", 1, task)
    assert "a task of 1 vCPU" in job.placement
    assert published(world, job)


def test_a_message_that_comes_ten_times_starts_one_task(world: World) -> None:
    message = world.by_tasks_only().upload(SCAN)
    outcomes = [world.dispatch(message).metric for _ in range(10)]
    assert outcomes == ["TaskStarted", *["NothingToDo"] * 9]
    assert len(world.ecs.asked) == len(world.ecs.tasks) == 1
    world.run_task(world.ecs.live[0])
    assert world.dispatch(message).metric == "NothingToDo"
    assert published(world, world.job)


def test_ten_messages_at_once_start_one_task(world: World) -> None:
    message = world.by_tasks_only().upload(SCAN)
    together = threading.Barrier(10)
    outcomes: list[str] = []

    def dispatch() -> None:
        together.wait()
        outcomes.append(world.dispatch(message).metric)

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
    assert world.dispatch(message).metric == "NothingToDo", "a repeat does nothing: the job waits for a sweep"
    world.now += START_SECONDS + 1
    world.sweep()
    world.deliver_wake_ups()
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
    """When the function times out or runs out of memory, none of our code runs any more."""
    message = world.upload(SCAN)
    with monkeypatch.context() as killed:
        killed.setattr(type(world.works), "run", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            world.dispatch(message)
    assert world.job.state is State.WORKING
    assert world.dispatch(message).metric == "NothingToDo", "the dead invocation's lease has not expired"
    world.now += SECONDS + 60
    world.sweep()
    assert [one.metric for one in world.deliver_wake_ups()] == ["TaskStarted"]
    world.track(world.run_task(world.ecs.live[0]))
    job = world.job
    assert (job.state, job.where, job.attempt) == (State.DONE, "fargate", 2)
    assert "timed out" in job.tries[0].why
    assert published(world, job)


def test_work_that_fails_in_the_function_goes_to_a_task_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(
            type(world.works), "run", lambda *_, **__: (_ for _ in ()).throw(MemoryError("of tiles"))
        )
        outcome = world.dispatch(world.upload(SCAN))
    assert (outcome.metric, outcome.facts["given_to_task"]) == ("TaskStarted", "MemoryError: of tiles")
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
        world.deliver_wake_ups()
        return work(*arguments, **named)

    with monkeypatch.context() as slow:
        slow.setattr(type(world.works), "run", slowly)
        world.dispatch(message)
    assert world.job.state is State.DONE
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, len(world.ecs.tasks)) == (State.DONE, 1)
    assert published(world, world.job)


def test_progress_that_cannot_be_stored_does_not_stop_the_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("container.worker.attempt.EVERY_SECONDS", 0)
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "UpdateItem")
    monkeypatch.setattr(type(world.jobs), "progress", lambda *_: (_ for _ in ()).throw(throttled))
    world.by_tasks_only().dispatch(world.upload(SCAN))
    world.track(world.run_task(world.ecs.live[0]))
    assert published(world, world.job)


def test_a_task_may_begin_an_attempt_again_and_another_task_may_not(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    job_id = world.job.job_id
    assert world.jobs.begin(job_id, 1, task, 60)
    assert world.jobs.begin(job_id, 1, task, 60)
    assert world.jobs.begin(job_id, 1, "another", 60) is None


def test_without_permission_to_write_the_job_fails_with_the_reason_and_can_be_retried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
    with monkeypatch.context() as refused:
        refused.setattr(type(world.works.output), "put_part", lambda *_: (_ for _ in ()).throw(denied))
        with pytest.raises(ClientError, match="AccessDenied"):
            world.work(task)
    world.track(world.ecs.end(task, exit_code=1, reason="Essential container in task exited"))
    job = world.job
    assert (job.state, "exit code 1" in job.message) == (State.FAILED, True)
    assert invisible(world, job)
    assert world.counted["JobFailed"] == 1

    world.jobs.reopen(job.job_id)
    world.sweep()
    world.deliver_wake_ups()
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, world.job.attempt) == (State.DONE, 2)
    assert published(world, world.job)


def test_a_worker_whose_job_has_a_later_attempt_stops_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("container.worker.attempt.EVERY_SECONDS", 0)
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    attempt = world.attempt(task)
    progress = type(world.jobs).progress

    def after_the_next_has_begun(jobs: Any, job_id: str, number: int, percent: int) -> bool:
        jobs.try_again(job_id, 1, "thought to be lost")
        return progress(jobs, job_id, number, percent)

    monkeypatch.setattr(type(world.jobs), "progress", after_the_next_has_begun)
    assert attempt.run() == 0
    assert (world.job.state, world.job.attempt) == (State.WAITING, 2)
    assert invisible(world, world.job)
    world.track(world.ecs.end(task, exit_code=0))
    assert (world.job.state, world.job.attempt) == (State.WAITING, 2)


def test_a_worker_stops_at_the_next_progress_where_the_signal_itself_was_swallowed(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    attempt = world.attempt(task)
    attempt.is_stopped = lambda: True
    with pytest.raises(StoppedError):
        attempt.run()
    assert invisible(world, world.job)


def test_a_task_after_one_whose_end_was_lost_finds_the_result_and_does_not_make_it_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.by_tasks_only()
    world.dispatch(world.upload(SCAN))
    (first,) = world.ecs.live
    monkeypatch.setattr(world.jobs.__class__, "complete", lambda *_: None)
    world.work(first)
    monkeypatch.undo()
    before = world.everything()
    monkeypatch.setattr("runtime.work.scans.write_pyramid", lambda *_, **__: pytest.fail("Made again."))
    world.jobs.try_again(world.job.job_id, 1, "thought to be lost")
    world.sweep()
    world.deliver_wake_ups()
    (second,) = (task for task in world.ecs.live if task != first)
    world.track(world.run_task(second))
    assert world.job.state is State.DONE
    assert world.everything() == before


def test_an_event_without_the_overrides_environment_is_known_by_who_started_the_task(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    event = world.ecs.end(task, exit_code=137)
    event["detail"]["overrides"] = {"containerOverrides": [{"name": "worker"}]}
    event["detail"]["startedBy"] = world.ecs.asked[-1]["startedBy"]
    assert world.track(event).metric == "TaskStopped"
    assert (world.job.state, world.job.attempt) == (State.WAITING, 2)
    event["detail"]["startedBy"] = "somebody"
    assert world.track(event).metric == "NotOurs"
