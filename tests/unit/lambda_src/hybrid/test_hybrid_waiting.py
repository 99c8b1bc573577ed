"""Jobs of the hybrid that wait for capacity, quota, Spot, a deployment, or the end of an outage."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from runtime.jobs.record import MAX_ATTEMPTS, State
from tests.support.hybrid import SCAN, World, make_world, published
from tests.support.lines import Lines


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield make_world()


def test_ten_minutes_without_capacity_use_up_neither_attempts_nor_receives(world: World) -> None:
    world.by_tasks_only().ecs.no_room = True
    outcomes = [world.dispatch(world.upload(SCAN, f"{number}.tif")).metric for number in range(5)]
    assert outcomes == ["Waiting"] * 5, "every message is acknowledged"
    for _ in range(10):
        world.now += 60
        world.sweep()
        assert {one.metric for one in world.deliver_wake_ups()} == {"Waiting"}
    assert {(job.state, job.attempt) for job in world.jobs.all()} == {(State.WAITING, 1)}
    world.ecs.no_room = False
    world.sweep()
    assert [one.metric for one in world.deliver_wake_ups()] == ["TaskStarted"] * 5
    for task in world.ecs.live:
        world.track(world.run_task(task))
    assert {(job.state, job.attempt) for job in world.jobs.all()} == {(State.DONE, 1)}


@pytest.mark.parametrize("minutes", [5, 65, 23 * 60])
def test_as_soon_as_there_is_room_a_job_that_found_none_is_started(world: World, minutes: int) -> None:
    """ECS repeats its first answer to a client token for a day, so after a refusal a new token is needed."""
    world.by_tasks_only().ecs.no_room = True
    world.dispatch(world.upload(SCAN))
    for _ in range(minutes // 5):
        world.now += 300
        world.sweep()
        world.deliver_wake_ups()
    assert (world.job.state, world.job.attempt) == (State.WAITING, 1)
    world.ecs.no_room = False
    world.sweep()
    assert [one.metric for one in world.deliver_wake_ups()] == ["TaskStarted"]
    assert len(world.ecs.tasks) == 1


@pytest.mark.parametrize("spot", [False, True])
def test_an_answer_that_was_lost_is_asked_for_with_the_same_token(world: World, spot: bool) -> None:
    world.by_tasks_only().spot = spot
    run = world.ecs.run_task

    def lose(**request: Any) -> None:
        run(**request)
        raise ReadTimeoutError(endpoint_url="https://ecs")

    world.ecs.run_task = lose  # type: ignore[method-assign, assignment]
    assert world.dispatch(world.upload(SCAN)).metric == "Waiting"
    world.ecs.run_task = run  # type: ignore[method-assign]
    world.sweep()
    assert [one.metric for one in world.deliver_wake_ups()] == ["TaskStarted"]
    assert world.ecs.live == [world.job.task_arn], "the task that was started, and no other"


def test_the_end_of_a_task_wakes_the_jobs_that_have_waited_longest(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN, "first.tif"))
    world.ecs.no_room = True
    waiting = []
    for number in range(6):
        world.now += 1
        message = world.upload(SCAN, f"{number}.tif")
        world.dispatch(message)
        waiting.append(message["detail"]["object"]["key"])
    world.ecs.no_room = False
    world.track(world.run_task(world.ecs.live[0]))
    world.deliver_wake_ups()
    started = [job.key for job in world.jobs.all() if job.state is State.STARTING]
    assert sorted(started) == waiting[:4]


def test_a_job_that_was_tried_in_vain_lets_the_others_try_first(world: World) -> None:
    world.by_tasks_only().ecs.no_room = True
    for number in range(3):
        world.now += 1
        world.dispatch(world.upload(SCAN, f"{number}.tif"))
    first, *others = world.jobs.waiting(3)
    world.now += 60
    world.dispatch({"detail-type": "Job Wake-Up", "detail": {"job_id": first}})
    assert world.jobs.waiting(3) == [*others, first]


def test_an_outage_of_minutes_does_not_use_up_all_attempts(world: World) -> None:
    world.by_tasks_only().dispatch(world.upload(SCAN))
    for _ in range(10):
        for task in world.ecs.live:
            world.track(world.ecs.end(task, exit_code=4))
        world.now += 60
        world.sweep()
        world.deliver_wake_ups()
    assert world.job.attempt == 4, "the second at once, the others after 4 and 16 minutes"
    assert world.job.state is State.WAITING
    world.now += 1000
    world.sweep()
    world.deliver_wake_ups()
    world.track(world.run_task(world.ecs.live[0]))
    assert published(world, world.job)


def test_a_job_that_is_reopened_has_all_its_attempts_again(world: World) -> None:
    world.by_tasks_only().spot = True
    world.dispatch(world.upload(SCAN))
    world.track(world.ecs.end(world.ecs.live[0], exit_code=1))
    world.jobs.reopen(world.job.job_id)
    for _ in range(MAX_ATTEMPTS - 1):
        world.sweep()
        world.deliver_wake_ups()
        assert "launchType" in world.ecs.asked[-1]
        world.track(world.ecs.end(world.ecs.live[0], exit_code=4))
        world.now += 1000
    assert (world.job.state, world.job.attempt) == (State.WAITING, 1 + MAX_ATTEMPTS)


def test_a_deploy_in_progress_does_not_fail_a_job(world: World) -> None:
    world.by_tasks_only()
    run = world.ecs.run_task
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "RunTask")
    world.ecs.run_task = lambda **_: (_ for _ in ()).throw(denied)  # type: ignore[method-assign]
    assert world.dispatch(world.upload(SCAN)).metric == "Waiting"
    world.ecs.run_task = run  # type: ignore[method-assign]
    world.now += 300
    world.sweep()
    assert [one.metric for one in world.deliver_wake_ups()] == ["TaskStarted"]


def test_refusals_count_from_the_first_of_them_and_not_from_the_wait_for_room(world: World) -> None:
    world.by_tasks_only().ecs.no_room = True
    world.dispatch(world.upload(SCAN))
    world.now += 20 * 60
    run = world.ecs.run_task

    def refuse(**_: Any) -> Any:
        error = {"Code": "ClientException", "Message": "TaskDefinition is inactive"}
        raise ClientError({"Error": error}, "RunTask")  # type: ignore[typeddict-item]

    def outcomes() -> list[str]:
        world.sweep()
        return [one.metric for one in world.deliver_wake_ups()]

    world.ecs.run_task = refuse  # type: ignore[method-assign]
    assert outcomes() == ["Waiting"]
    world.ecs.run_task = run  # type: ignore[method-assign]
    world.now += 14 * 60
    assert outcomes() == ["Waiting"], "no room, so the earlier refusal no longer counts"
    world.ecs.run_task = refuse  # type: ignore[method-assign]
    world.now += 14 * 60
    assert outcomes() == ["Waiting"]
    world.now += 16 * 60
    assert outcomes() == ["JobFailed"]
    assert "is inactive" in world.job.message


def test_a_job_that_merely_waits_never_fails(world: World) -> None:
    world.by_tasks_only().ecs.no_room = True
    world.dispatch(world.upload(SCAN))
    for _ in range(30):
        world.now += 24 * 3600
        world.sweep()
        world.deliver_wake_ups()
    assert (world.job.state, world.job.attempt) == (State.WAITING, 1)
    assert "JobFailed" not in world.counted
    world.ecs.no_room = False
    world.sweep()
    assert [one.metric for one in world.deliver_wake_ups()] == ["TaskStarted"]


def test_without_spot_capacity_the_same_attempt_is_asked_for_on_demand(world: World) -> None:
    world.by_tasks_only().spot = world.ecs.no_spot = True
    assert world.dispatch(world.upload(SCAN)).metric == "TaskStarted"
    spot, on_demand = world.ecs.asked
    assert spot["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    assert on_demand["launchType"] == "FARGATE"
    assert spot["clientToken"] != on_demand["clientToken"]
    assert (world.job.attempt, world.job.spot) == (1, False)


def test_after_a_spot_interruption_the_next_attempt_is_on_demand(world: World) -> None:
    world.by_tasks_only().spot = True
    world.dispatch(world.upload(SCAN))
    world.track(world.ecs.end(world.ecs.live[0], code="SpotInterruption", exit_code=4))
    world.deliver_wake_ups()
    assert ["launchType" in request for request in world.ecs.asked] == [False, True]


def test_a_job_whose_task_is_denied_for_good_fails_with_the_message_of_ecs(world: World) -> None:
    world.by_tasks_only()
    error = ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": "not authorized to perform: ecs:RunTask"}},
        "RunTask",
    )
    world.ecs.run_task = lambda **_: (_ for _ in ()).throw(error)  # type: ignore[method-assign]
    assert world.dispatch(world.upload(SCAN)).metric == "Waiting", "it may be a deploy"
    world.now += 901
    world.sweep()
    assert [one.metric for one in world.deliver_wake_ups()] == ["JobFailed"]
    assert "not authorized" in world.job.message


@pytest.mark.parametrize("lost_ends", [False, True])
def test_thirty_uploads_at_a_quota_of_six_vcpus_are_done_on_their_first_attempt_and_in_time(
    world: World, lost_ends: bool
) -> None:
    """ECS remembers client tokens as documented; time advances by minutes, with a sweep in every fifth.

    lost_ends: events of stopped tasks never arrive, so that only the sweep wakes waiting jobs.
    """
    world.kinds = [Lines()]
    world.by_tasks_only().ecs.vcpus = 6
    for number in range(30):
        world.dispatch(world.upload(b"a line of text\n" * 10, f"{number}.txt"))
    cpu = {job.cpu for job in world.jobs.all()}.pop()
    assert len(world.ecs.live) == 6 * 1024 // cpu < 30
    begun = dict.fromkeys(world.ecs.live, world.now)
    idle_since, longest = math.inf, 0.0
    for minute in range(1, 600):
        world.now += 60
        for arn in [arn for arn in world.ecs.live if world.now - begun[arn] >= 180]:
            end = world.run_task(arn)
            if not lost_ends:
                world.track(end)
        if minute % 5 == 0:
            world.sweep()
        world.deliver_wake_ups()
        begun |= {arn: world.now for arn in world.ecs.live if arn not in begun}
        waiting = [job for job in world.jobs.all() if job.state is State.WAITING]
        has_room = (len(world.ecs.live) + 1) * cpu <= 6 * 1024
        idle_since = min(idle_since, world.now) if waiting and has_room else math.inf
        longest = max(longest, world.now - idle_since)
        if not waiting and not world.ecs.live:
            break
    assert [(job.state, job.attempt) for job in world.jobs.all()] == [(State.DONE, 1)] * 30
    assert longest <= 300
