"""Results of deleted versions are removed and invalidated in CloudFront; jobs for superseded ones end."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from runtime.events import parse_event
from runtime.jobs.record import OVERTAKEN, State
from runtime.placement.placement import Rules
from tests.support.hybrid import SCAN, Message, World, make_world, published


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield make_world()


def removal(world: World, message: Message) -> Message:
    """Delete a version permanently; return the event for that."""
    described = message["detail"]["object"]
    key, version = described["key"], described["version-id"]
    world.s3.delete_object(Bucket="source", Key=key, VersionId=version)
    sequencer = f"{next(world.numbers):016X}"
    detail = {"object": {**described, "sequencer": sequencer}, "deletion-type": "Permanently Deleted"}
    return {**message, "detail-type": "Object Deleted", "detail": {**message["detail"], **detail}}


def deleted(world: World, number: int) -> list[str]:
    """Publish and delete `number` scans; return the paths under which they were served."""
    paths = []
    for one in range(number):
        message = world.upload(SCAN, f"{one}.tif")
        world.dispatch(message)
        world.dispatch(removal(world, message))
    for job in world.jobs.all():
        assert not world.keys(f"v/{job.job_id}/")
        paths.append(f"/v/{job.job_id}/*")
    return sorted(paths)


def test_a_deletion_reaches_cloudfront_with_the_next_sweep(world: World) -> None:
    paths = deleted(world, 1)
    assert not world.edge.asked
    world.sweep()
    assert list(world.edge.asked.values()) == [paths]
    world.sweep()
    assert len(world.edge.asked) == 1


def test_an_invalidation_that_is_refused_is_asked_for_again(world: World) -> None:
    paths = deleted(world, 1)
    world.edge.busy = True
    assert world.sweep().metric == "Swept"
    assert world.counted["NotInvalidated"] == 1
    world.edge.busy = False
    world.sweep()
    assert list(world.edge.asked.values()) == [paths]


def test_a_sweep_invalidates_at_most_fifteen_results(world: World) -> None:
    for number in range(17):
        world.removals.add(f"{number:032x}")
        world.now += 1
    world.sweep()
    world.sweep()
    assert [len(paths) for paths in world.edge.asked.values()] == [15, 2]
    assert "/v/00000000000000000000000000000000/*" in next(iter(world.edge.asked.values()))


def test_an_invalidation_whose_answer_was_lost_is_repeated_as_the_same_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted(world, 2)
    with monkeypatch.context() as lost:
        lost.setattr(type(world.removals), "_forget", lambda *_: None)
        world.sweep()
    world.sweep()
    assert len(world.edge.asked) == 1


def test_a_result_removed_again_during_its_invalidation_is_invalidated_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted(world, 1)
    (job,) = world.jobs.all()
    ask = world.edge.create_invalidation

    def ask_meanwhile(**request: Any) -> None:
        ask(**request)
        world.now += 1
        world.removals.add(job.job_id)

    monkeypatch.setattr(world.edge, "create_invalidation", ask_meanwhile)
    world.sweep()
    monkeypatch.undo()
    world.sweep()
    assert len(world.edge.asked) == 2


def test_a_result_that_never_existed_is_not_invalidated(world: World) -> None:
    """S3 sends an event for each old version that its lifecycle deletes, whether or not that had a result."""
    message = world.upload(b"no scan")
    world.dispatch(message)
    world.dispatch(removal(world, message))
    world.sweep()
    assert not world.edge.asked


def test_a_result_that_no_cache_can_still_have_is_not_invalidated(world: World) -> None:
    world.removals.add("0" * 32)
    (item,) = world.table.scan()["Items"]
    assert item["expires_at"] == item["due"] + 24 * 3600
    world.now += 24 * 3600
    world.sweep()
    assert not world.edge.asked


def test_a_result_whose_removal_was_cut_short_is_invalidated_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = world.upload(SCAN)
    world.dispatch(message)
    gone = removal(world, message)
    remove = type(world.works.output).purge

    def remove_and_die(self: Any, job_id: str) -> None:
        remove(self, job_id)
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(type(world.works.output), "purge", remove_and_die)
        with pytest.raises(KeyboardInterrupt):
            world.dispatch(gone)
    world.dispatch(gone)
    world.sweep()
    assert len(world.edge.asked) == 1


def test_a_pending_invalidation_is_not_a_job(world: World) -> None:
    world.removals.add("0" * 32)
    assert list(world.jobs.all()) == []
    world.sweep()


@pytest.mark.parametrize("begun", [False, True])
def test_a_job_whose_version_is_removed_ends_and_its_task_too(
    world: World, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    monkeypatch.setattr("container.worker.attempt.EVERY_SECONDS", 0)
    message = world.by_tasks_only().upload(SCAN)
    world.dispatch(message)
    if begun:  # the task finds out when it reports its progress
        progress = type(world.jobs).progress

        def remove_first(self: Any, *rest: Any) -> bool:
            monkeypatch.setattr(type(world.jobs), "progress", progress)
            world.dispatch(removal(world, message))
            return progress(self, *rest)

        monkeypatch.setattr(type(world.jobs), "progress", remove_first)
    else:
        world.dispatch(removal(world, message))
    assert world.work(world.ecs.live[0]) == 3
    assert world.job.state is State.REJECTED
    assert "source-gone" in world.job.message
    assert not world.keys("v/")


def test_a_task_that_dies_after_its_version_was_removed_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = world.by_tasks_only().upload(SCAN)
    world.dispatch(message)
    (task,) = world.ecs.live
    world.jobs.begin(world.job.job_id, 1, task, 3600)
    world.works.output.put_part(f"v/{world.job.job_id}/0.jpg", b"", "image/jpeg")
    world.dispatch(removal(world, message))
    world.works.output.put_part(f"v/{world.job.job_id}/1.jpg", b"", "image/jpeg")
    world.track(world.ecs.end(task, exit_code=137))
    world.deliver_wake_ups()
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, "source-gone" in world.job.message) == (State.REJECTED, True)
    assert not world.keys("v/")


def test_while_s3_fails_a_job_keeps_its_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    message = world.upload(SCAN)
    trouble = ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "GetObject")
    with monkeypatch.context() as failing:
        failing.setattr(type(world.works.output), "is_overtaken", Mock(side_effect=trouble))
        with pytest.raises(ClientError):
            world.dispatch(message)
    assert world.job.state is State.WAITING
    assert world.dispatch(message).metric == "DoneByLambda"
    assert world.job.attempt == 1


def test_a_waiting_job_whose_version_is_gone_starts_no_task(world: World) -> None:
    message = world.by_tasks_only().upload(SCAN)
    world.ecs.no_room = True
    world.dispatch(message)
    world.dispatch(removal(world, message))
    asked = len(world.ecs.asked)
    world.ecs.no_room = False
    world.sweep()
    world.deliver_wake_ups()
    assert (len(world.ecs.asked), world.job.state) == (asked, State.REJECTED)


def test_a_job_whose_key_shows_a_newer_version_ends_before_its_task_is_started(world: World) -> None:
    """Whatever an earlier attempt of the job left behind is removed."""
    older = world.by_tasks_only().upload(SCAN)
    world.ecs.no_room = True
    world.dispatch(older)
    waiting = world.job.job_id
    world.works.output.put_part(f"v/{waiting}/0.jpg", b"", "image/jpeg")
    asked = len(world.ecs.asked)
    world.rules = Rules()
    newer = world.upload(SCAN)
    world.dispatch(newer)
    world.by_tasks_only().sweep()
    assert [one.metric for one in world.deliver_wake_ups()] == ["Superseded"]
    assert len(world.ecs.asked) == asked
    assert not world.keys(f"v/{waiting}/")
    jobs = {job.version_id: job for job in world.jobs.all()}
    left = jobs[older["detail"]["object"]["version-id"]]
    assert (left.state, left.message) == (State.DONE, OVERTAKEN)
    assert published(world, jobs[newer["detail"]["object"]["version-id"]])


@pytest.mark.parametrize("was_published", [False, True])
def test_a_task_whose_key_shows_a_newer_version_meanwhile_ends_and_leaves_only_what_was_published(
    world: World, monkeypatch: pytest.MonkeyPatch, was_published: bool
) -> None:
    monkeypatch.setattr("container.worker.attempt.EVERY_SECONDS", 0)
    older = world.by_tasks_only().upload(SCAN)
    world.dispatch(older)
    (slow,) = world.ecs.live
    newer = parse_event(world.upload(SCAN))
    progress = type(world.jobs).progress

    def publish_the_newer_one(self: Any, *rest: Any) -> bool:
        monkeypatch.setattr(type(world.jobs), "progress", progress)
        if was_published:  # by an attempt that outlived its lease
            world.works.output.publish(parse_event(older), {})
        world.works.output.publish(newer, {})
        return progress(self, *rest)

    monkeypatch.setattr(type(world.jobs), "progress", publish_the_newer_one)
    assert world.work(slow) == 0
    assert (world.job.state, world.job.message) == (State.DONE, OVERTAKEN)
    assert bool(world.keys(f"v/{world.job.job_id}/manifest.json")) is was_published
