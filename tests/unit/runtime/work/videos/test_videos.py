"""Videos processed by dispatcher, worker and tracker, and what happens when that fails."""

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from runtime.deadline import DeadlineExceededError
from runtime.exits import StoppedError
from runtime.jobs.record import State
from runtime.work.scans import Scans
from runtime.work.videos import confined
from runtime.work.videos.facts import VideoLimits
from runtime.work.videos.videos import Videos
from tests.support.clips import Clip, make_clip
from tests.support.hybrid import SCAN, World, make_world, published

LIMITS = VideoLimits(seconds=60, bytes=10_000_000)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    wanted = Clip(width=160, height=120, frames=10, turned=90)
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", wanted).read_bytes()


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        made = make_world()
        made.kinds = [Scans(limits=made.limits), Videos(limits=LIMITS)]
        yield made


def whole(world: World) -> dict[str, Any]:
    """Return the pointer, which repeats the manifest; assert that MP4, poster and manifest exist."""
    job = world.job
    assert {*world.keys(f"v/{job.job_id}/")} == {
        f"v/{job.job_id}/{name}" for name in ("video.mp4", "poster.webp", "manifest.json")
    }
    pointer = world.s3.get_object(Bucket="output", Key=f"latest/{job.key}.json")["Body"].read()
    return dict(json.loads(pointer))


def nothing_but_the_reason(world: World) -> bool:
    return world.keys() == [f"rejected/{world.job.job_id}.json"]


def test_a_short_clip_is_done_by_the_function_and_its_manifest_says_what_there_is(
    world: World, clip: bytes
) -> None:
    assert world.dispatch(world.upload(clip, "a.mp4")).metric == "DoneByLambda"
    made = whole(world)
    prefix = f"v/{world.job.job_id}"
    assert made["video"] == {
        "key": f"{prefix}/video.mp4",
        "url": f"https://tiles.example.com/{prefix}/video.mp4",
        "bytes": made["video"]["bytes"],
        "media_type": "video/mp4",
        "width": 120,
        "height": 160,
        "seconds": made["video"]["seconds"],
        "sound": True,
    }
    assert (made["poster"]["media_type"], made["poster"]["width"]) == ("image/webp", 120)
    assert made["source"]["codec"] == "h264"
    stored = world.s3.get_object(Bucket="output", Key=f"{prefix}/video.mp4")
    assert (stored["ContentType"], stored["ContentLength"]) == ("video/mp4", made["video"]["bytes"])
    data = stored["Body"].read()
    assert data.index(b"moov") < data.index(b"mdat"), "it can play before it is fully downloaded"
    assert "A 120 x 160 px h264 video of 1 s" in world.job.placement


def test_a_scan_is_still_published_as_a_scan(world: World, clip: bytes) -> None:
    world.dispatch(world.upload(SCAN))
    assert published(world, world.job)


def test_a_clip_that_only_tasks_may_do_is_done_by_a_task(world: World, clip: bytes) -> None:
    assert world.by_tasks_only().dispatch(world.upload(clip, "a.mp4")).metric == "TaskStarted"
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, world.job.where) == (State.DONE, "fargate")
    assert whole(world)["placed"]["where"] == "fargate"


def test_a_message_that_comes_again_makes_nothing_anew(world: World, clip: bytes) -> None:
    message = world.upload(clip, "a.mp4")
    world.dispatch(message)
    before = world.everything()
    assert world.dispatch(message).metric == "NothingToDo"
    assert world.everything() == before


def test_a_task_that_is_taken_away_is_followed_by_one_that_begins_anew(world: World, clip: bytes) -> None:
    world.by_tasks_only().dispatch(world.upload(clip, "a.mp4"))
    world.track(world.ecs.end(world.ecs.live[0], exit_code=137))
    world.deliver_wake_ups()
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, world.job.attempt) == (State.DONE, 2)
    whole(world)


def test_sigterm_ends_ffmpeg_and_leaves_nothing_to_be_seen(
    world: World, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            started.append(self)

    def told_to_stop(*_: object) -> None:
        raise StoppedError

    world.by_tasks_only().dispatch(world.upload(clip, "a.mp4"))
    monkeypatch.setattr(subprocess, "Popen", Watched)
    monkeypatch.setattr(confined, "lines", told_to_stop)
    with pytest.raises(StoppedError):
        world.work(world.ecs.live[0])
    assert [one.returncode for one in started] == [-signal.SIGKILL]
    assert world.keys() == []


def test_a_clip_that_is_not_finished_in_time_in_the_function_goes_to_a_task(
    world: World, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: object, **__: object) -> None:
        raise DeadlineExceededError("The video was not finished in time.")

    message = world.upload(clip, "a.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(Videos, "run", late)
        assert world.dispatch(message).metric == "TaskStarted"
    world.track(world.run_task(world.ecs.live[0]))
    assert world.job.state is State.DONE
    whole(world)


def test_a_clip_that_runs_out_of_memory_in_the_function_goes_to_a_task(
    world: World, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hungry(*_: object, **__: object) -> None:
        raise MemoryError("FFmpeg had no memory left")

    message = world.upload(clip, "a.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(Videos, "run", hungry)
        assert world.dispatch(message).metric == "TaskStarted"
    assert world.job.state is State.STARTING


def test_a_source_that_is_deleted_meanwhile_leaves_nothing_but_the_reason(
    world: World, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = world.by_tasks_only().upload(clip, "a.mp4")
    world.dispatch(message)
    version = message["detail"]["object"]["version-id"]
    world.s3.delete_object(Bucket="source", Key="a.mp4", VersionId=version)
    world.track(world.run_task(world.ecs.live[0]))
    assert world.job.state is State.REJECTED
    assert "source-gone" in world.job.message
    assert nothing_but_the_reason(world)


@pytest.mark.parametrize(
    ("cut", "reason"),
    [
        (lambda clip: clip[: len(clip) // 2], "truncated"),
        (lambda clip: b"RIFF\0\0\0\0AVI LIST", "unsupported-format"),
        (lambda clip: clip + b"\0\0\0\1free" + (8 + 10_000_000).to_bytes(8, "big"), "too-many-bytes"),
        (lambda clip: clip.replace(b"avc1", b"xxxx"), "unsupported-format"),
    ],
)
def test_a_file_that_cannot_be_converted_is_refused_before_anything_is_made(
    world: World, clip: bytes, cut: Any, reason: str
) -> None:
    data = cut(clip)
    message = world.upload(data, "a.mp4")
    if reason == "too-many-bytes":
        message["detail"]["object"]["size"] = LIMITS.bytes + 1
    assert world.dispatch(message).metric == "Rejected"
    assert world.job.message.startswith(f"{reason}: ")
    assert nothing_but_the_reason(world)


def test_a_video_that_is_too_long_or_too_large_is_refused(world: World, clip: bytes) -> None:
    for limits, reason in (
        (replace(LIMITS, seconds=0), "too-long"),
        (replace(LIMITS, pixels=160 * 120 - 1), "too-many-pixels"),
    ):
        world.kinds = [Videos(limits=limits)]
        outcome = world.dispatch(world.upload(clip, f"{reason}.mp4"))
        assert outcome.facts["explanation"].startswith(reason)


def test_a_video_with_sound_alone_is_refused(world: World, tmp_path: Path) -> None:
    data = make_clip(tmp_path / "a.mp4", Clip(frames=0)).read_bytes()
    assert world.dispatch(world.upload(data, "a.mp4")).metric == "Rejected"
    assert world.job.message == "no-video: There are no moving pictures in it. Upload a video."


def test_an_encrypted_video_is_refused(world: World, tmp_path: Path) -> None:
    secret = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "1" * 32, "encryption_kid": "2" * 32}
    data = make_clip(tmp_path / "a.mp4", Clip(frames=5, options=secret)).read_bytes()
    assert world.dispatch(world.upload(data, "a.mp4")).metric == "Rejected"
    assert world.job.message.startswith("encrypted: ")
