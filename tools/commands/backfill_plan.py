"""Cost and duration of a backfill, before it starts."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from chooser.candidates import Candidate, a_million
from chooser.costs.items import Item
from chooser.page import example
from chooser.prices import as_of, price
from chooser.workload import Workload
from lambda_src.backfill.feed import LAST_SECONDS, PAUSE_SECONDS
from runtime.placement.limits import limit
from stacks.backfill.feeder import MEMORY_MB, TIMEOUT
from stacks.backfill.object_batches import A_BATCH
from stacks.queue_pattern.backlog_scaling import JOBS_A_TASK
from stacks.settings import Settings
from tools.commands.preflight import read_settings

LISTED_AT_ONCE = 1000
"""Objects per ListObjectsV2 request: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""
REQUESTS_PER_OBJECT = 3
"""S3 reads per object: the pointer, the object itself, and its rejection."""
OBJECTS_PER_SECOND = 30
"""Objects per second that the function examines and sends; not measured on AWS."""
TRANSITIONS_PER_BATCH = 4
"""State transitions per batch: the start of its execution, and its three states."""
TRANSITIONS_PER_RETURN = 2
"""State transitions per further call of the function for the same batch."""
YEAR = 365 * 86_400
"""Longest execution in seconds: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


@dataclass(frozen=True, kw_only=True)
class Default:
    """A pattern's defaults.

    example: workload in examples/ from which one object is priced, unless the caller gives a workload.
    where: the candidate that the pattern uses. at_once: objects in progress unless the caller says otherwise.
    """

    example: str
    where: Candidate
    at_once: int


DEFAULTS = {
    "LambdaPattern": Default(example="thumbnails", where=Candidate.LAMBDA, at_once=2),
    "HybridPattern": Default(example="scans-all-day", where=Candidate.RUN_TASK, at_once=2),
    "QueuePattern": Default(example="scans-all-day", where=Candidate.WORKER, at_once=1),
}
"""at_once is half of the default `max_concurrency` where functions work or dispatch, and one for a service,
so that an upload waits for at most one of these jobs.
"""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A backfill's plan. architecture: of functions and tasks. load: the pattern's work on one object.

    workers: functions or tasks that work in parallel.
    """

    objects: int
    at_once: int
    workers: int
    where: Candidate
    load: Workload
    architecture: str

    @property
    def each(self) -> float:
        """Seconds per object and worker: a task's start, if any, the work, and the pause between polls."""
        start = limit("fargate.start_seconds") if self.where is Candidate.RUN_TASK else 0
        return start + self.load.duration_ms[self.architecture] / 1000 + PAUSE_SECONDS

    @property
    def seconds(self) -> float:
        """Seconds until the last object is done, at the pace of the slower: pattern or feeder."""
        return self.objects * max(self.each / self.workers, 1 / OBJECTS_PER_SECOND)

    def feeding(self) -> Iterator[Item]:
        """Yield the costs of the backfill itself."""
        million = self.objects / 1e6
        batches, looks = math.ceil(self.objects / A_BATCH), self.seconds / PAUSE_SECONDS
        again = self.seconds / (TIMEOUT.to_seconds() - LAST_SECONDS)
        transitions = (batches * TRANSITIONS_PER_BATCH + again * TRANSITIONS_PER_RETURN) / 1000
        # Listed twice: before the question, and by Step Functions.
        lists = 2 * math.ceil(self.objects / LISTED_AT_ONCE) / 1000
        gets = REQUESTS_PER_OBJECT * self.objects / 1000
        writes, reads = price("s3_thousand_puts"), price("s3_thousand_gets")
        yield Item("S3: listing, and lookups of objects", writes.of(lists) + reads.of(gets), (writes, reads))
        steps = price("step_functions_thousand_transitions")
        yield Item("Step Functions: state transitions", steps.of(transitions), (steps,))
        calls, memory = price("lambda_million_requests"), price(f"lambda_gb_second_{self.architecture}")
        function = calls.of((batches + again) / 1e6) + memory.of(self.seconds * MEMORY_MB / 1024)
        yield Item("Lambda: the function that feeds the queue", function, (calls, memory))
        queue = price("queue_million_requests")
        yield Item("SQS: messages, and checks of the queue", queue.of(million + looks / 1e6), (queue,))

    @property
    def working(self) -> float:
        """USD of the pattern's work on the objects."""
        return a_million(self.where, self.load, self.architecture) * self.objects / 1e6

    @property
    def usd(self) -> float:
        return sum(item.usd for item in self.feeding()) + self.working


def described(plan: Plan) -> list[str]:
    """Return the plan as lines of text: number of objects, duration, cost."""
    lines = [
        f"{plan.objects:,} objects, {plan.at_once:,} at once: at least {duration(plan.seconds)}",
        f"  {plan.load.name}: {plan.each:,.1f} s each, {plan.workers:,} in parallel",
        *(_row(item.what, item.usd) for item in plan.feeding()),
        _row("the pattern's work on the objects", plan.working),
        _row(f"by list prices (us-east-1, {as_of()})", plan.usd),
    ]
    if plan.seconds > YEAR:
        lines.append("An execution ends after a year: use a larger --at-once, or one --prefix at a time.")
    return lines


def _row(what: str, usd: float) -> str:
    return f"  {what:<44}{f'${usd:,.2f}':>12}"


def planned(
    pattern: str, objects: int, settings: Settings, *, at_once: int = 0, own: Workload | None = None
) -> Plan:
    """Return the plan for that many objects. at_once, own: override the pattern's defaults."""
    default = DEFAULTS[pattern]
    most = at_once or default.at_once
    if default.where is Candidate.WORKER:
        workers = min(settings.max_tasks, math.ceil(most / JOBS_A_TASK))
    else:
        workers = min(most, settings.max_concurrency) if default.where is Candidate.LAMBDA else most
    return Plan(
        objects=objects,
        at_once=most,
        workers=workers,
        where=default.where,
        load=own or example(default.example),
        architecture=settings.architecture,
    )


def blocks() -> dict[str, str]:
    """Return the blocks of docs/backfill.md."""
    settings = read_settings(["max_concurrency=120"])
    lines = described(planned("LambdaPattern", 10_000_000, settings, at_once=60))
    options = "--at-once 60 -c max_concurrency=120 --plan 10000000"
    command = f"python3 dev.py backfill --pattern LambdaPattern {options}"
    return {"plan": "\n".join(["```console", f"$ {command}", *lines, "```"])}


def duration(seconds: float) -> str:
    """Format seconds in the two largest units that are not zero: `2 days 3 hours`, `4 minutes 10 seconds`."""
    left, parts = max(1, round(seconds)), []
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:,} {unit}{'s' if count > 1 else ''}")
    return " ".join(parts[:2])
