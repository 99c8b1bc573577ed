"""What a stopped task means for its job.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from runtime.events import JOB_ID_DIGITS
from runtime.exits import AGAIN, DONE, REJECTED
from runtime.jobs.task_launcher import ATTEMPT, CONTAINER, JOB_ID
from runtime.placement.limits import limit

KILLED = {137, 143}
"""128 + SIGKILL, 128 + SIGTERM."""
OVERDUE = "It outlived its deadline."
NEVER_STARTED = "The task was accepted and never began its work."
"""The reasons that the tracker gives when it stops a task."""
_STARTED_BY = re.compile(rf"(?P<{JOB_ID}>[0-9a-f]{{{JOB_ID_DIGITS}}})-(?P<{ATTEMPT}>[0-9]+)")
"""Pattern of `startedBy`, which names job and attempt; used if an event lacks the overrides' environment."""
_PLATFORM = {"SpotInterruption", "TerminationNotice", "InfrastructureHealth", "ServiceSchedulerInitiated"}


class NextStep(StrEnum):
    """What follows for the job."""

    ENDED = "ended"
    """The exit code says that the worker has recorded the result; a job without one is retried."""
    AGAIN = "again"
    LARGER = "larger"
    """Retry with more memory."""
    NEVER_RAN = "never-ran"
    """The task failed to start; the job itself is fine."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class StoppedTask:
    """A stopped task. attempt: which attempt at its job the task was."""

    job_id: str
    attempt: int
    next_step: NextStep
    why: str
    task_arn: str = ""
    vcpu_seconds: float = 0
    gb_seconds: float = 0


def parse_stopped_task(task: Mapping[str, Any]) -> StoppedTask | None:
    """Parse the `detail` of an event, or a task from DescribeTasks; None if the task is not ours."""
    of_job = _told(task) or _STARTED_BY.fullmatch(task.get("startedBy", ""))
    if not of_job:
        return None
    next_step, why = _next_step(task)
    seconds = _billed(task)
    return StoppedTask(
        job_id=of_job[JOB_ID],
        attempt=int(of_job[ATTEMPT]),
        next_step=next_step,
        why=why,
        task_arn=task.get("taskArn", ""),
        vcpu_seconds=seconds * int(task.get("cpu", 0)) / 1024,
        gb_seconds=seconds * int(task.get("memory", 0)) / 1024,
    )


def _told(task: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the environment in RunTask's overrides; None if it names no job."""
    overrides = task.get("overrides", {}).get("containerOverrides", [])
    environment = {
        pair["name"]: pair["value"]
        for override in overrides
        if override.get("name") == CONTAINER
        for pair in override.get("environment", [])
    }
    return environment if JOB_ID in environment else None


def _billed(task: Mapping[str, Any]) -> float:
    """Return the billed seconds: from image pull to stop, and at least Fargate's minimum for a task.

    The result is 0 if either time is missing, for example because the image was never pulled. Events give
    times as text, DescribeTasks as datetimes.
    """
    begun, ended = (task.get(name) for name in ("pullStartedAt", "stoppedAt"))
    if not begun or not ended:
        return 0
    times = [datetime.fromisoformat(one) if isinstance(one, str) else one for one in (begun, ended)]
    return max(limit("run_task.minimum_billed_seconds"), (times[1] - times[0]).total_seconds())


def _next_step(task: Mapping[str, Any]) -> tuple[NextStep, str]:
    code, reason = task.get("stopCode", ""), task.get("stoppedReason", "")
    container: Mapping[str, Any] = next(
        (one for one in task.get("containers", []) if one.get("name") == CONTAINER), {}
    )
    exit_code, detail = container.get("exitCode"), container.get("reason", "")
    why = f"{code or 'Stopped'}: {' '.join(filter(None, (reason, detail)))}"
    why += "" if exit_code is None else f" (exit code {exit_code})"
    if exit_code in (DONE, REJECTED):
        return NextStep.ENDED, why
    if reason == OVERDUE:
        return NextStep.FAILED, OVERDUE
    if reason == NEVER_STARTED:
        return NextStep.AGAIN, NEVER_STARTED
    if "OutOfMemory" in f"{detail} {reason}":
        return NextStep.LARGER, why
    if code == "UserInitiated":
        return NextStep.FAILED, why
    if code == "TaskFailedToStart":
        return NextStep.NEVER_RAN, why
    if code in _PLATFORM or exit_code in (AGAIN, *KILLED) or exit_code is None:
        return NextStep.AGAIN, why
    return NextStep.FAILED, why
