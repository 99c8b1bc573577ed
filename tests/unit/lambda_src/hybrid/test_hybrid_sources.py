"""Sources that are invalid, or change during the work: viewers see no partial or outdated result."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from runtime.jobs.record import State
from runtime.rejection import Reason, Rejected
from tests.support.hybrid import SCAN, World, invisible, make_world, published
from tests.support.images import encode, noise


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        yield make_world()


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


def test_viewers_find_a_pyramid_only_once_its_last_tile_is_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = threading.Event()
    put = type(world.works.output).put_part

    def put_the_last_tile_too_late(self: Any, key: str, *rest: Any, **named: Any) -> None:
        if key.endswith("info.json"):
            described.set()
        if "/full/" in key:
            described.wait(0.5)
            raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject")
        put(self, key, *rest, **named)

    world.by_tasks_only().dispatch(world.upload(SCAN))
    with monkeypatch.context() as slow:
        slow.setattr(type(world.works.output), "put_part", put_the_last_tile_too_late)
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


def test_too_many_pixels_are_rejected(world: World) -> None:
    world.limits = replace(world.limits, max_pixels=1000)
    assert world.dispatch(world.upload(SCAN)).metric == "Rejected"
    assert "too-many-pixels" in world.job.message


def test_an_attempt_that_fails_late_leaves_what_another_has_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.by_tasks_only()
    world.dispatch(world.upload(SCAN))
    (first,) = world.ecs.live

    def other_attempt_publishes(*_: Any, **__: Any) -> Any:
        monkeypatch.undo()
        world.jobs.try_again(world.job.job_id, 1, "thought to be lost")
        world.sweep()
        world.deliver_wake_ups()
        (second,) = (task for task in world.ecs.live if task != first)
        world.track(world.run_task(second))
        raise Rejected(Reason.DAMAGED, "what went wrong late")

    monkeypatch.setattr("runtime.work.scans.write_pyramid", other_attempt_publishes)
    world.work(first)
    assert world.job.state is State.DONE
    assert len(world.keys(f"v/{world.job.job_id}/")) > 2
    assert world.keys("rejected/") == []
