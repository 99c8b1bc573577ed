"""A version whose own event comes later than one that a backfill sent for it, and which is older."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from moto import mock_aws

from runtime.events import parse_event
from runtime.jobs.record import OVERTAKEN, State
from runtime.jobs.table import JobStore
from runtime.results import Output
from tests.support.hybrid import SCAN, Message, World, make_world


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield make_world()


@dataclass
class Late:
    """Events of the second and third version of a key, and a backfill's event for the third.

    The first version is published; the backfill's event is just newer than that.
    """

    second: Message
    third: Message
    backfilled: Message


def late(world: World) -> Late:
    world.dispatch(world.upload(SCAN))
    sequencer = f"{next(world.numbers):016X}"
    second, third = world.upload(SCAN), world.upload(SCAN)
    described = {**third["detail"]["object"], "sequencer": sequencer}
    return Late(second, third, {**third, "detail": {**third["detail"], "object": described}})


def shown(world: World) -> str:
    pointer = world.works.output.pointer("a.tif")
    assert pointer
    return str(pointer["job_id"])


def test_a_version_whose_own_event_came_is_not_replaced_by_an_older_one_that_comes_after(
    world: World,
) -> None:
    events = late(world)
    assert world.dispatch(events.backfilled).metric == "DoneByLambda"
    assert world.dispatch(events.third).metric == "NothingToDo"
    world.dispatch(events.second)
    assert shown(world) == parse_event(events.third).job_id


def test_a_version_that_gave_way_to_an_older_one_is_shown_once_its_own_event_comes(world: World) -> None:
    events = late(world)
    world.dispatch(events.second)
    world.dispatch(events.backfilled)
    third = parse_event(events.third).job_id
    job = world.jobs.get(third)
    assert job
    assert (job.state, job.message) == (State.DONE, OVERTAKEN)
    assert world.dispatch(events.third).metric == "DoneByLambda"
    assert shown(world) == third


def test_a_version_that_is_gone_by_its_own_event_is_not_shown_again(world: World) -> None:
    events = late(world)
    world.dispatch(events.backfilled)
    described = events.third["detail"]["object"]
    world.s3.delete_object(Bucket="source", Key="a.tif", VersionId=described["version-id"])
    world.dispatch(events.third)
    assert not world.keys(f"v/{parse_event(events.third).job_id}/")


def test_what_has_given_way_is_removed_only_while_no_attempt_can_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile the version's own event comes, by which it must be shown."""
    events = late(world)
    world.dispatch(events.second)
    discard = Output.discard

    def discard_after_the_own_event(self: Output, job_id: str) -> None:
        monkeypatch.setattr(Output, "discard", discard)
        assert world.dispatch(events.third).metric == "NothingToDo"
        self.discard(job_id)

    monkeypatch.setattr(Output, "discard", discard_after_the_own_event)
    world.dispatch(events.backfilled)
    world.sweep()
    assert [one.metric for one in world.deliver_wake_ups()] == ["DoneByLambda"]
    assert shown(world) == parse_event(events.third).job_id


def test_a_task_keeps_its_work_if_only_its_first_event_is_the_older_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second version is shown during the work, but by its own event the third is newer than that."""
    monkeypatch.setattr("container.worker.attempt.EVERY_SECONDS", 0)
    events = late(world)
    world.by_tasks_only().dispatch(events.backfilled)
    progress = JobStore.progress

    def publish_the_second(self: JobStore, *rest: Any) -> bool:
        monkeypatch.setattr(JobStore, "progress", progress)
        world.dispatch(events.third)
        world.works.output.publish(parse_event(events.second), {})
        return self.progress(*rest)

    monkeypatch.setattr(JobStore, "progress", publish_the_second)
    (task,) = world.ecs.live
    world.track(world.run_task(task))
    third = parse_event(events.third).job_id
    assert world.keys(f"v/{third}/manifest.json")
    world.sweep()
    world.deliver_wake_ups()
    world.track(world.run_task(world.ecs.live[0]))
    assert shown(world) == third


@pytest.mark.parametrize("runs", [False, True])
def test_an_event_that_comes_before_the_work_is_done_counts_too(
    world: World, monkeypatch: pytest.MonkeyPatch, runs: bool
) -> None:
    """The job waits again, and its next attempt finds the result published."""
    events = late(world)
    world.by_tasks_only().dispatch(events.backfilled)
    publish = Output.publish

    def publish_meanwhile(self: Output, *what: Any) -> bool:
        monkeypatch.setattr(Output, "publish", publish)
        world.dispatch(events.third)
        return self.publish(*what)

    if runs:
        monkeypatch.setattr(Output, "publish", publish_meanwhile)
    else:
        world.dispatch(events.third)
    third = parse_event(events.third).job_id
    for _ in range(2):
        for task in world.ecs.live:
            world.track(world.run_task(task))
        world.sweep()
        world.deliver_wake_ups()
    job = world.jobs.get(third)
    assert job
    assert (job.state, job.attempt) == (State.DONE, 2 if runs else 1)
    world.dispatch(events.second)
    assert shown(world) == third
