"""Placement of a job: in the Lambda function, in a Fargate task of a certain size, or nowhere.

Pure: turns a job's estimate into a placement and its reason. Knows neither prices nor images.
"""

from dataclasses import dataclass
from enum import StrEnum

from runtime.placement.limits import fargate_size, limit

MB = 1_000_000
SYSTEM_MB = 200
"""Memory of a task that is used by things other than the work."""
DISK_GIB = 10
"""Disk of a task in GiB, in addition to twice the estimate's `disk_mb`."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The resources that a job needs.

    Attributes:
        subject: what is worked on, in words that can follow "A": "600 x 400 px JPEG of 0.1 MB".
        memory_mb: peak of the process, never below what was measured.
        disk_mb: for the downloaded source, and for results where the work writes them to disk.
        cpu_seconds: seconds of one vCPU, without transfers.
        vcpus: how many vCPUs the work can use.
    """

    subject: str
    memory_mb: float
    disk_mb: float
    cpu_seconds: float
    vcpus: int = 1


class Where(StrEnum):
    """Where a job can go."""

    LAMBDA = "lambda"
    FARGATE = "fargate"
    REJECT = "reject"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a job goes, and why.

    Attributes:
        reason: a sentence for whoever asks why.
        decided_by: the limit that decided, with its value.
        cpu: CPU units (1,024 per vCPU) of its task, or of the task for retries if the function fails. 0 if
            the job is rejected, as are memory_mb and disk_gib.
    """

    where: Where
    reason: str
    decided_by: str
    estimate: Estimate
    cpu: int = 0
    memory_mb: int = 0
    disk_gib: int = 0


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Limits of the function and of tasks.

    Attributes:
        lambda_seconds: work with a longer estimate goes to a task; far below the function's timeout.
        lambda_memory_mb: memory of the function, half of which may be used.
        lambda_disk_mb: what a job may use of the function's /tmp of 512 MiB; the rest is left to other files.
        task_seconds: deadline of a task.
    """

    lambda_seconds: float = 120
    lambda_memory_mb: float = limit("lambda.vcpu_at_mb")
    lambda_disk_mb: float = 500
    task_seconds: float = 6 * 3600


def place(found: Estimate, rules: Rules | None = None) -> Placement:
    """Return where a job with the estimate `found` goes, and why."""
    rules = rules or Rules()

    def rejected(what: str, decided_by: str) -> Placement:
        reason = f"A {found.subject} {what}."
        return Placement(where=Where.REJECT, reason=reason, decided_by=decided_by, estimate=found)

    task = fargate_size(vcpus=found.vcpus, memory_mb=found.memory_mb + SYSTEM_MB)
    if task is None:
        largest = f"fargate.memory_mb {limit('fargate.memory_mb'):,.0f}"
        return rejected(f"needs {found.memory_mb:,.0f} MB of memory, more than any task has", largest)
    disk = max(limit("fargate.disk_gib_included"), DISK_GIB + 2 * found.disk_mb * MB // 2**30)
    if disk > limit("fargate.disk_gib"):
        return rejected("does not fit on a task's disk", f"fargate.disk_gib {limit('fargate.disk_gib'):,.0f}")
    seconds = found.cpu_seconds / found.vcpus
    if seconds > rules.task_seconds:
        return rejected(f"takes about {seconds:,.0f} s of a task", f"task_seconds {rules.task_seconds:,.0f}")

    bounds = (
        (found.cpu_seconds, rules.lambda_seconds, "s", "of work", "lambda_seconds"),
        (found.memory_mb, rules.lambda_memory_mb / 2, "MB", "of memory", "half of lambda_memory_mb"),
        (found.disk_mb, rules.lambda_disk_mb, "MB", "of disk", "lambda_disk_mb"),
    )
    over = [bound for bound in bounds if bound[0] > bound[1]]
    where, decided_by = Where.LAMBDA, "no limit: it fits into the function"
    reason = (
        f"A {found.subject} needs about {found.cpu_seconds:,.0f} s and {found.memory_mb:,.0f} MB of memory: "
        "it runs in the function."
    )
    if over:
        needed, allowed, unit, what, name = over[0]
        where, decided_by = Where.FARGATE, f"{name} {allowed:,.0f} {unit}"
        reason = (
            f"A {found.subject} needs {needed:,.0f} {unit} {what}, and the function may use {allowed:,.0f}: "
            f"it runs in a task of {task[0] / 1024:g} vCPU and {task[1] / 1024:g} GB."
        )
    return Placement(
        where=where,
        reason=reason,
        decided_by=decided_by,
        estimate=found,
        cpu=task[0],
        memory_mb=task[1],
        disk_gib=int(disk),
    )
