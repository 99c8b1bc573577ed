"""Each role of the hybrid, statement by statement: without a statement, the call that needs it is denied.

docs/privileges.md has the table.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from runtime.jobs.record import Job, State
from runtime.results import version_prefix
from tests.local.conftest import (
    actions,
    by_tasks_only,
    eventually,
    redeliver_soon,
    role_of,
    statements,
    without,
    worker_role,
)
from tests.support.images import corners, encode, noise
from tests.support.privileges import NEEDS, denied_without
from tools.drivers.deployed import Upload
from tools.drivers.hybrid_pattern import HybridDriver

SCAN = encode(corners(700, 500), ".tif", compression="deflate")
BROKEN = encode(noise(700, 500), ".jpg")[:50_000]
BREAKS = {who: denied_without(who) for who in ("dispatcher", "tracker", "worker")}
"""By role and first action of a statement: the call that is denied without that statement."""


def roles(hybrid: HybridDriver) -> dict[str, str]:
    return {
        "dispatcher": role_of(hybrid.client, hybrid.outputs["FunctionName"]),
        "tracker": role_of(hybrid.client, hybrid.outputs["TrackerName"]),
        "worker": worker_role(hybrid),
    }


def test_each_role_has_the_statements_that_are_listed(hybrid: HybridDriver) -> None:
    for who, role in roles(hybrid).items():
        found = {actions(one)[0] for one in statements(hybrid.client, role)}
        assert found == {*NEEDS[who]}, who


def said(hybrid: HybridDriver, since: int) -> str:
    """Return the log lines of functions and tasks since a time in milliseconds."""
    logs, lambda_ = hybrid.client("logs"), hybrid.client("lambda")
    groups = [
        lambda_.get_function_configuration(FunctionName=hybrid.outputs[name])["LoggingConfig"]["LogGroup"]
        for name in ("FunctionName", "TrackerName")
    ]
    return "\n".join(
        event["message"]
        for group in (*groups, hybrid.outputs["WorkerLogGroup"])
        for event in logs.filter_log_events(logGroupName=group, startTime=since)["events"]
    )


def denied(hybrid: HybridDriver, since: int, call: str) -> bool:
    """Return whether the logs since a time say that this call was denied."""
    refused = rf"(AccessDenied\w*|403)\) when calling the {call}(Batch)? operation|to perform: ecs:{call} "
    return re.search(refused, said(hybrid, since)) is not None


def life(hybrid: HybridDriver, who: str, action: str) -> Upload:
    """Upload a scan and make a role use the statement whose first action is `action`; return the upload."""
    upload = hybrid.upload(f"privileges/{who}-{action.replace(':', '-')}.tif", SCAN)
    if who == "tracker":
        hybrid.sweep()
    if action == "ecs:DescribeTasks":
        job = eventually(lambda: (job := hybrid.jobs.get(upload.job_id)) and job.task_arn and job)
        eventually(lambda: finished(hybrid, upload) and is_quiet(hybrid))
        assert job
        hybrid.jobs.transition(upload.job_id, lambda one: _lost(one, job.task_arn))
        hybrid.sweep()
    if action == "sqs:SendMessage":
        # Quiet, so that no message that comes again claims the job before the sweep.
        eventually(lambda: finished(hybrid, upload) and is_quiet(hybrid))
        hybrid.jobs.transition(upload.job_id, _waits_again)
        hybrid.sweep()
    if action in ("s3:DeleteObject", "s3:ListBucket", "cloudfront:CreateInvalidation"):
        if who == "worker":
            hybrid.upload("privileges/broken.jpg", BROKEN)
        else:
            eventually(lambda: finished(hybrid, upload))
            hybrid.s3.delete_object(Bucket=hybrid.source, Key=upload.key)
    if who == "tracker" and action == "cloudfront:CreateInvalidation":
        prefix = version_prefix(upload.job_id)
        eventually(lambda: not hybrid.s3.list_objects_v2(Bucket=hybrid.output, Prefix=prefix).get("Contents"))
        hybrid.sweep()
    return upload


def is_quiet(hybrid: HybridDriver) -> bool:
    """Return whether no message waits or is in flight, and no task runs."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    if hybrid.client("ecs").list_tasks(cluster=hybrid.outputs["ClusterName"])["taskArns"]:
        return False
    found = (
        hybrid.client("sqs").get_queue_attributes(QueueUrl=hybrid.outputs[queue], AttributeNames=names)
        for queue in ("Queue", "StopsQueue")
    )
    return not sum(int(value) for one in found for value in one["Attributes"].values())


def finished(hybrid: HybridDriver, upload: Upload) -> bool:
    job = hybrid.jobs.get(upload.job_id)
    return job is not None and job.is_final


def _waits_again(job: Job) -> Job:
    return replace(job, state=State.WAITING, attempt=job.attempt + 1, task_arn="", due=0, ended_at=0)


def _lost(job: Job, task_arn: str) -> Job:
    return replace(job, state=State.RUNNING, task_arn=task_arn, due=1, ended_at=0)


@contextmanager
def messages_redelivered(hybrid: HybridDriver) -> Iterator[None]:
    """Redeliver failed messages of both queues within a second during the block."""
    sqs = hybrid.client("sqs")
    queues = [hybrid.outputs[one] for one in ("Queue", "StopsQueue")]
    before = {queue: redeliver_soon(sqs, queue) for queue in queues}
    try:
        yield
    finally:
        for queue, attributes in before.items():
            sqs.set_queue_attributes(QueueUrl=queue, Attributes=attributes)


CASES = [
    pytest.param(who, action, call, marks=pytest.mark.slow if action != [*found][-1] else [])
    for who, found in BREAKS.items()
    for action, call in found.items()
]
"""Together they take a minute and a half; all but one per role are marked slow."""


@pytest.mark.parametrize(("who", "action", "call"), CASES)
def test_without_a_statement_its_call_is_denied(
    hybrid: HybridDriver, who: str, action: str, call: str
) -> None:
    by_function = who == "dispatcher" and action in ("s3:PutObject", "s3:GetObject")
    since = int(time.time() * 1000)
    with messages_redelivered(hybrid), tasks_unless(hybrid, by_function):
        with without(hybrid.client, roles(hybrid)[who], action):
            life(hybrid, who, action)
            eventually(lambda: denied(hybrid, since, call))
        hybrid.sweep()
        drain(hybrid)


@contextmanager
def tasks_unless(hybrid: HybridDriver, by_function: bool) -> Iterator[None]:
    if by_function:
        yield
        return
    with by_tasks_only(hybrid):
        yield


def drain(hybrid: HybridDriver) -> None:
    """Wait until every held-up job has ended, and purge the dead letters."""

    def idle() -> bool:
        return is_quiet(hybrid) and all(job.is_final for job in hybrid.jobs.all())

    eventually(idle)
    sqs = hybrid.client("sqs")
    for queue in ("DeadLetters", "StopsDeadLetters"):
        sqs.purge_queue(QueueUrl=hybrid.outputs[queue])
