"""How tasks end, and how the tracker reacts."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from runtime.jobs.record import MAX_ATTEMPTS, NEVER_RAN_SECONDS, START_SECONDS, State
from runtime.jobs.wake_ups import WakeUps
from tests.support.hybrid import SCAN, World, invisible, make_world, published


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield make_world()


@pytest.mark.parametrize(
    ("stop", "why"),
    [
        ({"exit_code": 137}, "exit code 137"),
        ({"exit_code": 143}, "exit code 143"),
        ({"exit_code": 4}, "exit code 4"),
        ({"exit_code": 4, "code": "SpotInterruption", "reason": "Your Spot Task was interrupted."}, "Spot"),
        ({"code": "TerminationNotice"}, "TerminationNotice"),
    ],
)
def test_a_task_that_is_taken_away_is_followed_by_the_next_attempt(
    world: World, stop: dict[str, Any], why: str
) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    world.track(world.ecs.end(world.ecs.live[0], **stop))
    assert [one.metric for one in world.deliver_wake_ups()] == ["TaskStarted"]
    world.track(world.run_task(world.ecs.live[0]))
    job = world.job
    assert (job.state, job.attempt, len(world.ecs.tasks)) == (State.DONE, 2, 2)
    assert why in job.tries[0].why
    assert published(world, job)
    assert "TaskNeverRan" not in world.counted


@pytest.mark.parametrize(
    "reason",
    ["CannotPullContainerError: i/o timeout", "Timeout waiting for network interface provisioning"],
)
def test_a_task_that_could_not_be_started_costs_no_attempt_however_often(world: World, reason: str) -> None:
    world.spot = True
    world.by_tasks_only().dispatch(world.upload(SCAN))
    for times in range(2 * MAX_ATTEMPTS):
        end = world.ecs.end(world.ecs.live[0], code="TaskFailedToStart", reason=reason)
        world.track(end)
        world.track(end)
        assert world.counted["TaskNeverRan"] == times + 1
        assert not world.deliver_wake_ups()
        world.now += NEVER_RAN_SECONDS
        world.sweep()
        assert [one.metric for one in world.deliver_wake_ups()] == ["TaskStarted"]
        assert "launchType" in world.ecs.asked[-1], "on demand, as the first task on Spot never ran"
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, world.job.attempt) == (State.DONE, 1)
    assert published(world, world.job)


def test_a_repeated_end_of_a_task_that_never_ran_does_not_end_the_next_one(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    end = world.ecs.end(world.ecs.live[0], code="TaskFailedToStart", reason="CannotPullContainerError")
    world.track(end)
    world.now += NEVER_RAN_SECONDS
    world.jobs.claim(world.job.job_id)  # RunTask has been called, and has not answered yet
    world.track(end)
    assert world.job.state is State.STARTING
    assert world.counted["TaskNeverRan"] == 1


def test_the_resources_of_a_task_are_counted_once_however_often_its_end_is_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    times = {"pullStartedAt": "2026-01-01T00:00:00Z", "stoppedAt": "2026-01-01T00:01:40Z"}
    end = world.ecs.end(world.ecs.live[0], exit_code=4)
    end["detail"] |= {**times, "cpu": "1024", "memory": "2048"}
    with monkeypatch.context() as broken:
        refused = ClientError({"Error": {"Code": "InternalError", "Message": ""}}, "SendMessageBatch")
        broken.setattr(WakeUps, "send", Mock(side_effect=refused))
        with pytest.raises(ClientError):
            world.track(end)
    world.track(end)
    assert (world.counted["VcpuSeconds"], world.counted["GbSeconds"]) == (100, 200)
    world.deliver_wake_ups()
    second = world.ecs.end(world.ecs.live[0], exit_code=4)
    second["detail"] |= {**times, "cpu": "1024", "memory": "2048"}
    world.track(second)
    world.track(end)
    assert (world.counted["VcpuSeconds"], world.counted["GbSeconds"]) == (200, 400)


def test_a_failed_job_is_counted_even_if_the_answer_to_its_last_write_was_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    put = world.table.put_item

    def put_and_lose_the_answer(**request: Any) -> Any:
        put(**request)
        return put(**request)  # botocore's own retry

    monkeypatch.setattr(world.table, "put_item", put_and_lose_the_answer, raising=False)
    world.track(world.ecs.end(world.ecs.live[0], exit_code=1))
    assert world.job.state is State.FAILED
    assert world.counted["JobFailed"] == 1


def test_a_task_out_of_memory_is_followed_by_a_larger_one(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    before = world.job.memory_mb
    why = "OutOfMemoryError: Container killed due to memory usage"
    world.track(world.ecs.end(world.ecs.live[0], exit_code=137, why=why))
    world.deliver_wake_ups()
    assert world.job.memory_mb >= 2 * before
    assert world.ecs.asked[-1]["overrides"]["memory"] == str(world.job.memory_mb)


def test_a_job_whose_tasks_all_end_early_fails_after_its_last_attempt_with_the_reason(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    for _ in range(MAX_ATTEMPTS):
        world.track(world.ecs.end(world.ecs.live[0], exit_code=137))
        world.now += 1000
        world.sweep()
        world.deliver_wake_ups()
    job = world.job
    assert (job.state, job.attempt, len(job.tries)) == (State.FAILED, MAX_ATTEMPTS, MAX_ATTEMPTS)
    assert "It was tried 4 times" in job.message
    assert world.counted["JobFailed"] == 1
    assert world.ecs.live == []
    assert invisible(world, job)


def test_a_task_that_never_starts_is_stopped_and_tried_again(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    world.ecs.tasks[task]["lastStatus"] = "PROVISIONING"
    world.now += START_SECONDS + 1
    world.sweep()
    assert world.ecs.stopped == ["The task was accepted and never began its work."]
    world.deliver_wake_ups()
    late = world.ecs.end(task, code="UserInitiated", reason=world.ecs.stopped[0], exit_code=4)
    world.track(late)
    assert (world.job.state, world.job.attempt) == (State.STARTING, 2), "the late end changes nothing"
    world.track(world.run_task(world.ecs.live[0]))
    assert published(world, world.job)


def test_a_job_past_its_deadline_is_stopped_and_fails(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    world.jobs.begin(world.job.job_id, 1, task, 3600)
    world.now += 3600 + 601
    world.sweep()
    assert (world.job.state, world.job.message) == (State.FAILED, "It outlived its deadline.")
    assert world.ecs.live == []
    assert world.counted["JobFailed"] == 1


def test_an_end_that_comes_twice_counts_once(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    end = world.ecs.end(world.ecs.live[0], exit_code=137)
    for _ in range(3):
        world.track(end)
    world.deliver_wake_ups()
    assert (world.job.attempt, len(world.ecs.tasks)) == (2, 2)


def test_ends_that_come_in_reverse_change_nothing(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    first = world.ecs.end(world.ecs.live[0], exit_code=137)
    world.track(first)
    world.deliver_wake_ups()
    second = world.run_task(world.ecs.live[0])
    for end in (second, first):
        world.track(end)
    assert (world.job.state, world.job.attempt) == (State.DONE, 2)


def test_the_late_failure_of_an_attempt_that_was_given_up_does_not_fail_the_job(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (first,) = world.ecs.live
    world.ecs.tasks[first]["lastStatus"] = "PROVISIONING"
    world.now += START_SECONDS + 1
    world.sweep()
    world.deliver_wake_ups()
    world.track(world.ecs.end(first, exit_code=1))
    assert (world.job.state, world.job.attempt) == (State.STARTING, 2)


def test_another_task_of_the_same_attempt_that_finds_nothing_to_do_changes_nothing(world: World) -> None:
    """A Spot task and an on-demand task may both have started, if an answer was lost."""
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    other = task[:-1] + "f"
    world.ecs.tasks[other] = {**world.ecs.tasks[task], "taskArn": other}
    assert world.jobs.begin(world.job.job_id, 1, task, 60)
    assert world.work(other) == 0
    world.track(world.ecs.end(other, exit_code=0))
    assert (world.job.state, world.job.attempt) == (State.RUNNING, 1)


@pytest.mark.parametrize("forgotten", [False, True], ids=["still known to ECS", "forgotten by ECS"])
def test_an_end_that_was_lost_is_found_by_the_sweep(world: World, forgotten: bool) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    (task,) = world.ecs.live
    times = {"pullStartedAt": "2026-01-01T00:00:00Z", "stoppedAt": "2026-01-01T00:01:40Z"}
    world.ecs.tasks[task] |= {**times, "cpu": "1024", "memory": "2048"}
    end = world.ecs.end(task, exit_code=137)
    if forgotten:
        del world.ecs.tasks[task]
    world.now += START_SECONDS + 1
    world.sweep()
    world.deliver_wake_ups()
    assert (world.job.state, world.job.attempt) == (State.STARTING, 2)
    assert world.counted.get("VcpuSeconds", 0) == (0 if forgotten else 100)
    world.track(end)
    assert world.counted["VcpuSeconds"] == 100, "once, even if the event comes after all"


def test_a_message_for_which_the_tracker_raises_comes_again_and_is_applied_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    end = world.ecs.end(world.ecs.live[0], exit_code=137)
    with monkeypatch.context() as broken:
        broken.setattr(type(world.jobs), "waiting", lambda *_: (_ for _ in ()).throw(RuntimeError))
        with pytest.raises(RuntimeError):
            world.track(end)
    assert (world.job.state, world.job.attempt) == (State.WAITING, 2)
    world.track(end)
    world.deliver_wake_ups()
    assert (world.job.state, world.job.attempt, len(world.ecs.tasks)) == (State.STARTING, 2, 2)


def test_a_job_whose_task_ecs_will_not_describe_stops_no_sweep_for_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("bad.tif", "good.tif", "waits.tif"):
        world.by_tasks_only().dispatch(world.upload(SCAN, key))
        world.ecs.no_room = len(world.ecs.tasks) == 2
        world.now += 1
    world.ecs.no_room = False
    bad, _ = world.ecs.live
    describe = world.ecs.describe_tasks

    def refuse(*, cluster: str, tasks: list[str]) -> dict[str, Any]:
        if tasks == [bad]:
            raise ClientError(
                {"Error": {"Code": "InvalidParameterException", "Message": "Identifier is for cluster old."}},
                "DescribeTasks",
            )
        return describe(cluster=cluster, tasks=tasks)

    monkeypatch.setattr(world.ecs, "describe_tasks", refuse)
    world.now += START_SECONDS
    assert world.sweep().facts == {"overdue": 2, "waiting": 2}
    world.deliver_wake_ups()
    jobs = {job.key: (job.state, job.attempt) for job in world.jobs.all()}
    assert jobs == {
        "bad.tif": (State.STARTING, 1),
        "good.tif": (State.STARTING, 2),
        "waits.tif": (State.STARTING, 1),
    }
    assert (world.counted["JobNotSwept"], world.counted["JobsOverdue"]) == (1, 2)


def test_a_record_that_cannot_be_read_stops_no_sweep_for_the_others(world: World) -> None:
    world.by_tasks_only().ecs.no_room = True
    for key in ("bad.tif", "good.tif"):
        world.dispatch(world.upload(SCAN, key))
        world.now += 1
    (bad,) = (job.job_id for job in world.jobs.all() if job.key == "bad.tif")
    world.table.update_item(  # as a later version of this code might have left it before a rollback
        Key={"job_id": bad},
        UpdateExpression="SET #state = :state",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": "paused"},
    )
    world.ecs.no_room = False
    assert world.sweep().facts["waiting"] == 2
    assert [one.metric for one in world.deliver_wake_ups()] == ["TaskStarted"]
    assert world.counted["JobNotSwept"] == 1
    world.track(world.run_task(world.ecs.live[0]))
    assert world.deliver_wake_ups() == [], "nor does the end of a task wake it"
