"""With `videos=on`, HybridPattern processes videos in a function or task and retries tasks that end early."""

import base64
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.jobs.record import State
from tests.local.conftest import Deployment, by_tasks_only
from tests.local.jobs.test_hybrid_pattern import SCAN, held_at_work, manifest, nothing_dead
from tests.support.browser import picture_of
from tests.support.clips import Clip, make_clip
from tools.drivers.hybrid_pattern import HybridDriver
from tools.local_aws.deployment import Cdk

pytestmark = pytest.mark.slow
PAGE = """<!DOCTYPE html><title>loading</title>
<video muted width=320 src="VIDEO" poster="POSTER"></video><script>
const video = document.querySelector("video");
video.onended = () => { document.title = "drawn"; };
video.onerror = () => { document.title = "failed: " + video.error.message; };
video.play();
</script>"""


@pytest.fixture(scope="module")
def videos(deployment: Deployment) -> Iterator[HybridDriver]:
    aws = deployment.aws
    cdk = Cdk(aws=aws, folder=deployment.cdk.folder, context=["videos=on"])
    outputs = cdk.deploy("Network", "HybridPattern")["HybridPattern"]
    yield HybridDriver(client=aws.client, resource=aws.resource, outputs=outputs, endpoint=aws.url)
    deployment.cdk.deploy("HybridPattern")


@pytest.fixture
def tasks_only(videos: HybridDriver) -> Iterator[None]:
    with by_tasks_only(videos):
        yield


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    wanted = Clip(width=640, height=360, frames=50, turned=90)
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", wanted).read_bytes()


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a video that takes about ten seconds to process."""
    wanted = Clip(width=1920, height=1080, frames=200, grain=8, coding={"preset": "ultrafast"})
    return make_clip(tmp_path_factory.mktemp("clip") / "long.mp4", wanted).read_bytes()


def test_a_short_clip_is_done_by_the_function_and_a_scan_as_before(
    videos: HybridDriver, clip: bytes, tmp_path: Path
) -> None:
    uploads = [videos.upload("a b/\u00e9+1.mp4", clip), videos.upload("scan.tif", SCAN)]
    film, scan = (videos.wait(upload) for upload in uploads)
    assert [(job.state, job.where) for job in (film, scan)] == [(State.DONE, "lambda")] * 2, film.message
    assert manifest(videos, scan)["pyramid"]["tiles"] > 1
    made = manifest(videos, film)
    assert (made["video"]["width"], made["video"]["height"]) == (360, 640)
    answers = [videos.get(f"/{made[name]['key']}") for name in ("video", "poster")]
    assert [(one.status, one.headers["content-type"]) for one in answers] == [
        (200, "video/mp4"),
        (200, "image/webp"),
    ]
    video, poster = (base64.b64encode(one.body).decode() for one in answers)
    page = tmp_path / "page.html"
    text = PAGE.replace("VIDEO", f"data:video/mp4;base64,{video}")
    page.write_text(text.replace("POSTER", f"data:image/webp;base64,{poster}"))
    picture_of(page)


@pytest.mark.usefixtures("tasks_only")
@pytest.mark.parametrize(
    ("sent", "why"), [(signal.SIGKILL, "137"), (signal.SIGTERM, "exit code 4")], ids=["killed", "interrupted"]
)
def test_a_task_that_is_ended_early_is_followed_by_another_that_begins_anew(
    videos: HybridDriver, long_clip: bytes, sent: signal.Signals, why: str
) -> None:
    upload = videos.upload(f"{sent.name}.mp4", long_clip)
    with held_at_work(videos, upload.job_id) as pid:
        os.kill(pid, sent)
    job = videos.wait(upload)
    assert (job.state, job.where, job.attempt) == (State.DONE, "fargate", 2), job.message
    assert why in job.tries[0].why
    assert nothing_dead(videos)
    assert manifest(videos, job)["placed"]["attempt"] == 2


def test_a_video_that_is_cut_short_is_rejected_as_truncated(videos: HybridDriver, clip: bytes) -> None:
    job = videos.wait(videos.upload("cut.mp4", clip[: len(clip) // 2]))
    assert job.state is State.REJECTED
    assert job.message.startswith("truncated: ")
