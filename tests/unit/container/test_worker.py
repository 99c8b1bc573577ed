"""The worker as a separate process, on scans: its exit codes and its last line."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.s3.models import S3Backend
from moto.server import ThreadedMotoServer

from runtime.imaging.limits import Limits
from runtime.jobs.record import State
from tests.support.hybrid import World, make_world
from tests.support.images import encode, noise

ROOT = Path(__file__).parents[3]
SCAN = encode(noise(1200, 700), ".tif")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the URL of moto over HTTP, for a worker in another process."""
    serving = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    serving.start()
    url = "http://{}:{}".format(*serving.get_host_and_port())
    urllib.request.urlopen(f"{url}/moto-api/reset", data=b"").close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    yield url
    serving.stop()


def worker(job_id: str, module: str = "container.worker", **environment: str) -> "subprocess.Popen[bytes]":
    told = {"JOB_ID": job_id, "ATTEMPT": "1", "JOB_TABLE": "jobs", "OUTPUT_BUCKET": "output"}
    limits = {"MAX_PIXELS": "100000000", "MAX_BYTES": "100000000", "TASK_SECONDS": "3600"}
    return subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, **told, **limits, "TILES_URL": "https://tiles", **environment},
        stdout=subprocess.PIPE,
    )


def last_line(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    output, _ = process.communicate(timeout=300)
    return dict(json.loads(output.splitlines()[-1]))


@pytest.fixture
def started(server: str) -> World:
    """Return a world with a job whose task was started but has not begun to work."""
    world = make_world()
    world.by_tasks_only().dispatch(world.upload(SCAN))
    return world


def test_the_worker_ends_with_0_when_the_job_is_done(started: World) -> None:
    process = worker(started.job.job_id, TRACE_ID="1-2-3")
    line = last_line(process)
    assert (line["message"], line["xray_trace_id"]) == ("Done.", "1-2-3")
    assert (process.returncode, started.job.state) == (0, State.DONE)


def test_the_worker_ends_with_1_and_says_why_when_its_deadline_passes(started: World) -> None:
    process = worker(started.job.job_id, TASK_SECONDS="0")
    assert "deadline" in last_line(process)["message"]
    assert process.returncode == 1


def test_the_worker_ends_with_1_and_says_why_when_it_cannot_write(started: World) -> None:
    process = worker(started.job.job_id, OUTPUT_BUCKET="nowhere")
    assert "NoSuchBucket" in last_line(process)["message"]
    assert process.returncode == 1


@pytest.fixture
def unfinished(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make moto hold back the upload of `info.json`, which follows the tiles, until the test has ended."""
    ended, put = threading.Event(), S3Backend.put_object

    def held(self: S3Backend, bucket_name: str, key_name: str, *rest: Any, **named: Any) -> Any:
        if key_name.endswith("info.json"):
            ended.wait(300)
        return put(self, bucket_name, key_name, *rest, **named)

    monkeypatch.setattr(S3Backend, "put_object", held)
    yield
    ended.set()


@pytest.mark.usefixtures("unfinished")
def test_a_worker_that_is_told_to_stop_ends_with_4_and_publishes_nothing(started: World) -> None:
    big = encode(noise(3000, 2000), ".tif")
    started.now = time.time()
    message = started.upload(big, "big.tif")
    started.limits = Limits(max_pixels=10**9, max_bytes=10**9)
    started.dispatch(message)
    (job,) = (one for one in started.jobs.all() if one.key == "big.tif")
    process = worker(job.job_id, MAX_PIXELS="1000000000", MAX_BYTES="1000000000")
    end = time.monotonic() + 300
    while not started.keys(f"v/{job.job_id}/"):
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.05)  # nothing signals that a bucket has changed, so poll
    process.terminate()
    assert last_line(process)["exit"] == 4
    assert process.returncode == 4
    assert not {f"v/{job.job_id}/info.json", f"v/{job.job_id}/manifest.json"} & {*started.keys()}
