"""HybridPattern deployed by the real CDK CLI: functions and tasks really run, and IAM is enforced."""

import functools
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import sleep, time
from typing import Any

import pytest

from runtime.imaging.pyramid import paths
from runtime.imaging.transform import Encoding
from runtime.jobs.record import Job, State
from tests.local.conftest import Deployment, count, eventually, without, worker_role
from tests.support.browser import picture_of
from tests.support.images import corners, encode, noise
from tools.commands.gallery import write_viewer
from tools.drivers.hybrid_pattern import LOG_GROUPS, HybridDriver

SCAN = encode(corners(1300, 900), ".tif", compression="deflate")


@functools.cache
def large(across: int = 9) -> bytes:
    """Return a JPEG of `across` thousand by 7,000 pixels; by default, it takes a task some ten seconds."""
    return encode(noise(1000, 1000).replicate(across, 7), ".jpg", Q=50)


@contextmanager
def a_quota_of(deployment: Deployment, vcpus: int) -> Iterator[None]:
    deployment.aws.vcpus.write_text(str(vcpus))
    try:
        yield
    finally:
        deployment.aws.vcpus.unlink()


def tasks(hybrid: HybridDriver, status: str = "RUNNING") -> list[Mapping[str, Any]]:
    ecs, cluster = hybrid.client("ecs"), hybrid.outputs["ClusterName"]
    arns = ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
    found = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
    return [task for task in found if status == "STOPPED" or task["lastStatus"] != "STOPPED"]


def process_of_job(job_id: str) -> int | None:
    """Return the pid of a job's task without asking the local AWS, which is slow while tasks store tiles."""
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or belongs to another user
            if f"JOB_ID={job_id}\0".encode() in environment.read_bytes():
                return int(environment.parent.name)
    return None


@contextmanager
def held_at_work(hybrid: HybridDriver, job_id: str) -> Iterator[int]:
    """Yield the pid of a job's task, suspended in the middle of its work, however fast the machine is.

    The task runs for a tenth of a second at a time until the job's record is in state RUNNING.
    """

    asked = time()

    def process() -> int | None:
        nonlocal asked
        if time() - asked > 30:  # RunTask was not answered in time: a sweep retries it, as on AWS
            hybrid.sweep()
            asked = time()
        return process_of_job(job_id)

    def is_at_work() -> bool:
        os.kill(pid, signal.SIGCONT)
        sleep(0.1)
        os.kill(pid, signal.SIGSTOP)
        job = hybrid.jobs.get(job_id)
        return job is not None and job.state is State.RUNNING

    found = eventually(process)
    assert found
    pid = found
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(is_at_work)
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def manifest(hybrid: HybridDriver, job: Job) -> dict[str, Any]:
    answer = hybrid.get(f"/v/{job.job_id}/manifest.json")
    assert answer.status == 200, answer
    return dict(json.loads(answer.body))


def was_postponed(hybrid: HybridDriver, job_id: str) -> bool:
    """Return whether the job found no capacity and waits again; a new job waits too, at revision 1."""
    job = hybrid.jobs.get(job_id)
    return job is not None and job.state is State.WAITING and job.revision >= 2


def nothing_dead(hybrid: HybridDriver) -> bool:
    queues = (hybrid.outputs["DeadLetters"], hybrid.outputs["StopsDeadLetters"])
    return not any(count(hybrid.client("sqs"), queue) for queue in queues)


def test_a_small_scan_is_done_by_the_function_and_every_tile_is_served(hybrid: HybridDriver) -> None:
    job = hybrid.wait(hybrid.upload("a b/é+1.tif", SCAN))
    assert (job.state, job.where) == (State.DONE, "lambda")
    made = manifest(hybrid, job)["pyramid"]
    for path in paths(made["width"], made["height"], Encoding.JPG):
        assert hybrid.get(f"/v/{job.job_id}/{path}").status == 200


def test_a_missing_tile_and_the_root_are_a_404_and_a_pointer_is_a_403(hybrid: HybridDriver) -> None:
    hybrid.wait(hybrid.upload("private.tif", SCAN))
    assert hybrid.get("/v/0/0,0,512,512/512,512/0/default.jpg").status == 404
    assert hybrid.get("/").status == 404
    assert hybrid.get("/latest/private.tif.json").status == 403


@pytest.mark.usefixtures("tasks_only")
def test_a_scan_that_only_tasks_may_do_is_done_by_a_task_and_opens_in_a_viewer(
    hybrid: HybridDriver, tmp_path: Path
) -> None:
    job = hybrid.wait(hybrid.upload("large.tif", SCAN))
    assert (job.state, job.where, job.attempt) == (State.DONE, "fargate", 1)
    assert "a task of 1 vCPU" in job.placement
    eventually(lambda: not tasks(hybrid))
    page = write_viewer(f"{hybrid.browser_url}/v/{job.job_id}", tmp_path / "viewer.html")
    picture = picture_of(page)
    centre = picture.crop(picture.width // 2 - 100, picture.height // 2 - 100, 200, 200)
    red, white = centre(10, 10), centre(190, 190)
    assert red[0] > 200 > red[1] + 100
    assert min(white) > 230


@pytest.mark.usefixtures("tasks_only")
def test_a_task_that_is_killed_is_followed_by_another_that_ends_well(
    hybrid: HybridDriver,
) -> None:
    upload = hybrid.upload("killed.jpg", large())
    with held_at_work(hybrid, upload.job_id) as pid:
        (task,) = tasks(hybrid)
        os.kill(pid, signal.SIGKILL)
    assert task["cpu"] == "1024"
    job = hybrid.wait(upload)
    assert (job.state, job.attempt) == (State.DONE, 2)
    assert "137" in job.tries[0].why
    assert nothing_dead(hybrid)
    eventually(lambda: {line.who for line in hybrid.logs(job)} == {*LOG_GROUPS})
    written = [(line.who, json.loads(line.text)) for line in hybrid.logs(job)]
    assert {line["attempt"] for _, line in written if "attempt" in line} == {1, 2}
    assert job.trace_id
    traced = {who for who, line in written if line.get("xray_trace_id") == job.trace_id}
    assert traced >= {"dispatcher", "worker"}


@pytest.mark.usefixtures("tasks_only")
def test_a_task_that_is_told_to_stop_by_the_platform_ends_with_4_and_is_tried_again(
    hybrid: HybridDriver,
) -> None:
    """A Spot interruption does the same: it sends SIGTERM, and an event follows."""
    upload = hybrid.upload("interrupted.jpg", large())
    with held_at_work(hybrid, upload.job_id) as pid:
        os.kill(pid, signal.SIGTERM)
    job = hybrid.wait(upload)
    assert (job.state, job.attempt) == (State.DONE, 2)
    assert "exit code 4" in job.tries[0].why


@pytest.mark.slow
@pytest.mark.usefixtures("tasks_only")
def test_a_task_past_its_deadline_is_stopped_by_the_tracker_and_the_job_fails(
    hybrid: HybridDriver,
) -> None:
    upload = hybrid.upload("overdue.jpg", large(across=60))  # a minute's work: less may end before the sweep
    with held_at_work(hybrid, upload.job_id):
        hybrid.jobs.table.update_item(
            Key={"job_id": upload.job_id},
            UpdateExpression="SET due = :long_ago",
            ExpressionAttributeValues={":long_ago": 1},
        )
    hybrid.sweep()
    job = hybrid.wait(upload)
    assert (job.state, job.message) == (State.FAILED, "It outlived its deadline.")
    eventually(lambda: not tasks(hybrid))
    assert hybrid.get(f"/v/{upload.job_id}/info.json").status == 404


@pytest.mark.usefixtures("tasks_only")
def test_out_of_memory_is_followed_by_a_larger_task(hybrid: HybridDriver, deployment: Deployment) -> None:
    """Set too little memory in the job's record, as a wrong estimate would."""
    with a_quota_of(deployment, 0):
        upload = hybrid.upload("hungry.jpg", encode(noise(5000, 5000), ".jpg", interlace=True))
        eventually(lambda: was_postponed(hybrid, upload.job_id))
        assert hybrid.jobs.transition(upload.job_id, lambda job: replace(job, cpu=256, memory_mb=128))
    hybrid.wake_ups.send([upload.job_id])
    job = hybrid.wait(upload)
    assert job.state is State.DONE, job.message
    assert "OutOfMemory" in job.tries[0].why
    assert job.memory_mb > 128


@pytest.mark.usefixtures("tasks_only")
@pytest.mark.parametrize("many", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_many_uploads_at_once_keep_to_the_quota_and_all_end_well(
    hybrid: HybridDriver, deployment: Deployment, many: int
) -> None:
    most, seconds = 0, 300 + 10 * many
    with a_quota_of(deployment, 6):
        uploads = [hybrid.upload(f"many/{number}.tif", SCAN) for number in range(many)]
        left = [*uploads]

        def all_ended() -> bool:
            nonlocal most
            most = max(most, len(tasks(hybrid)))
            while left and (job := hybrid.jobs.get(left[-1].job_id)) and job.is_final:
                left.pop()
            return not left

        eventually(all_ended, seconds=seconds)
    jobs = [hybrid.wait(upload) for upload in uploads]
    assert {(job.state, job.where, job.attempt) for job in jobs} == {(State.DONE, "fargate", 1)}
    assert most <= 6
    assert nothing_dead(hybrid)
    eventually(lambda: not tasks(hybrid))
    print(f"{many} uploads at a quota of 6 vCPU: never more than {most} tasks at once")


@pytest.mark.usefixtures("tasks_only")
def test_without_permission_to_write_the_job_fails_with_its_reason_and_a_retry_ends_well(
    hybrid: HybridDriver,
) -> None:
    with without(hybrid.client, worker_role(hybrid), "s3:PutObject"):
        upload = hybrid.upload("denied.tif", SCAN)
        job = hybrid.wait(upload)
    assert job.state is State.FAILED
    assert "exit code 1" in job.message
    assert hybrid.get(f"/v/{upload.job_id}/info.json").status == 404
    hybrid.retry(upload.job_id)
    assert hybrid.wait(upload).state is State.DONE
