"""Where a job is done: in the Lambda function, in a Fargate task of which size, or nowhere.

Pure: from what a work estimates of itself to a place with its reason. Knows no prices and no images.
"""

from dataclasses import dataclass
from enum import StrEnum

from runtime.placement.limits import fargate_size, limit

MB = 1_000_000
SYSTEM_MB = 200
"""What a task's memory holds beside the work."""
DISK_GIB = 10
"""What a task's disk holds beside twice the source."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a job takes, and of what.

    Attributes:
        subject: what is worked on, to go after "A": "600 x 400 px JPEG of 0.1 MB".
        memory_mb: the peak of the process, never below what was measured.
        disk_mb: for the source, which is downloaded; results are not kept.
        cpu_seconds: of one vCPU, without the transfers.
        vcpus: how many the work can use.
    """

    subject: str
    memory_mb: float
    disk_mb: float
    cpu_seconds: float
    vcpus: int = 1


class Where(StrEnum):
    """What a job may end as."""

    LAMBDA = "lambda"
    FARGATE = "fargate"
    REJECT = "reject"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a job is done, and why.

    Attributes:
        reason: a sentence for whoever asks why.
        decided_by: the limit that decided, with its value.
        cpu: CPU units (1,024 per vCPU) of the task that does it, or would if the function fails.
            0 if the job is rejected, as are memory_mb and disk_gib.
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
    """What the function and the tasks are made for.

    Attributes:
        lambda_seconds: work estimated longer goes to a task, far below what the function's timeout allows.
        lambda_memory_mb: of the function, of which half may be used.
        lambda_disk_mb: of its /tmp.
        task_seconds: a task's own deadline.
    """

    lambda_seconds: float = 120
    lambda_memory_mb: float = limit("lambda.vcpu_at_mb")
    lambda_disk_mb: float = 512
    task_seconds: float = 6 * 3600


def place(found: Estimate, rules: Rules | None = None) -> Placement:
    """Where a job of that estimate fits, and why."""
    rules = rules or Rules()

    def rejected(what: str, decided_by: str) -> Placement:
        reason = f"A {found.subject} {what}."
        return Placement(where=Where.REJECT, reason=reason, decided_by=decided_by, estimate=found)

    task = fargate_size(vcpus=found.vcpus, memory_mb=found.memory_mb + SYSTEM_MB)
    if task is None:
        largest = f"fargate.memory_mb {limit('fargate.memory_mb'):,.0f}"
        return rejected(f"takes {found.memory_mb:,.0f} MB, more than any task has", largest)
    disk = max(limit("fargate.disk_gib_included"), DISK_GIB + 2 * found.disk_mb * MB // 2**30)
    if disk > limit("fargate.disk_gib"):
        return rejected("does not fit on a task's disk", f"fargate.disk_gib {limit('fargate.disk_gib'):,.0f}")
    seconds = found.cpu_seconds / found.vcpus
    if seconds > rules.task_seconds:
        return rejected(f"takes some {seconds:,.0f} s of a task", f"task_seconds {rules.task_seconds:,.0f}")

    bounds = (
        (found.cpu_seconds, rules.lambda_seconds, "s", "of work", "lambda_seconds"),
        (found.memory_mb, rules.lambda_memory_mb / 2, "MB", "of memory", "half of lambda_memory_mb"),
        (found.disk_mb, rules.lambda_disk_mb, "MB", "of disk", "lambda_disk_mb"),
    )
    over = [bound for bound in bounds if bound[0] > bound[1]]
    where, decided_by = Where.LAMBDA, "none: it is below every limit of the function"
    reason = (
        f"A {found.subject} takes some {found.cpu_seconds:,.0f} s and {found.memory_mb:,.0f} MB: "
        "the function does it itself."
    )
    if over:
        needed, allowed, unit, what, name = over[0]
        where, decided_by = Where.FARGATE, f"{name} {allowed:,.0f} {unit}"
        reason = (
            f"A {found.subject} takes {needed:,.0f} {unit} {what}, and the function may use {allowed:,.0f}: "
            f"a task of {task[0] / 1024:g} vCPU and {task[1] / 1024:g} GB does it."
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
