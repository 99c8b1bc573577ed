"""What a backfill costs and how long it takes, before it is started."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from chooser.candidates import Candidate, a_million
from chooser.costs.items import Item
from chooser.page import example
from chooser.prices import as_of, price
from chooser.workload import Workload
from lambda_src.backfill.feed import LAST_SECONDS, PAUSE_SECONDS
from stacks.backfill.feeder import MEMORY_MB, TIMEOUT
from stacks.backfill.object_batches import A_BATCH
from tools.commands.preflight import read_settings

LISTED_AT_ONCE = 1000
"""Objects of one ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
LOOKED_AT = 3
"""Requests per object: its pointer, the object itself, and whether it was rejected."""
A_SECOND = 30
"""Objects that the function looks at and sends; not measured on AWS."""
TRANSITIONS = 4
"""Of a batch: the start of its execution, and its three states."""
AGAIN_TRANSITIONS = 2
"""Of each call more that it takes."""


YEAR = 365 * 86_400
"""That an execution may take: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


@dataclass(frozen=True, kw_only=True)
class Fed:
    """A pattern that can be fed.

    example: in examples/, what one object takes unless the caller knows better. where: the pattern does it.
    at_once: so many, unless the caller says.
    """

    example: str
    where: Candidate
    at_once: int


FED = {
    "LambdaPattern": Fed(example="thumbnails", where=Candidate.LAMBDA, at_once=2),
    "HybridPattern": Fed(example="scans-all-day", where=Candidate.RUN_TASK, at_once=2),
    "QueuePattern": Fed(example="scans-all-day", where=Candidate.WORKER, at_once=1),
}
"""Half of what `max_concurrency` lets a function do; of a service one job, then an upload waits for one."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """architecture: of the functions and tasks. load: what the pattern does with one object."""

    objects: int
    at_once: int
    where: Candidate
    load: Workload
    architecture: str

    @property
    def seconds(self) -> float:
        """Until the last is done: by what the pattern may do at once, or by what the function can send."""
        each = self.load.duration_ms[self.architecture] / 1000 + PAUSE_SECONDS
        return self.objects * max(each / self.at_once, 1 / A_SECOND)

    def feeding(self) -> Iterator[Item]:
        """What the backfill itself costs."""
        million = self.objects / 1e6
        batches, looks = math.ceil(self.objects / A_BATCH), self.seconds / PAUSE_SECONDS
        again = self.seconds / (TIMEOUT.to_seconds() - LAST_SECONDS)
        transitions = (batches * TRANSITIONS + again * AGAIN_TRANSITIONS) / 1000
        lists = (
            2 * math.ceil(self.objects / LISTED_AT_ONCE) / 1000
        )  # before the question, and by Step Functions
        gets = LOOKED_AT * self.objects / 1000
        s3 = price("s3_thousand_puts").of(lists) + price("s3_thousand_gets").of(gets)
        yield Item("S3: lists, and looks at each object", s3, ("s3_thousand_puts", "s3_thousand_gets"))
        steps = "step_functions_thousand_transitions"
        yield Item("Step Functions: state transitions", price(steps).of(transitions), (steps,))
        memory = f"lambda_gb_second_{self.architecture}"
        requests = price("lambda_million_requests").of((batches + again) / 1e6)
        function = requests + price(memory).of(self.seconds * MEMORY_MB / 1024)
        yield Item("Lambda: the function that feeds", function, ("lambda_million_requests", memory))
        queue = price("queue_million_requests").of(million + looks / 1e6)
        yield Item("SQS: messages, and looks at the queue", queue, ("queue_million_requests",))

    @property
    def working(self) -> float:
        """USD of what the pattern does with them."""
        return a_million(self.where, self.load, self.architecture) * self.objects / 1e6

    @property
    def usd(self) -> float:
        return sum(item.usd for item in self.feeding()) + self.working


def told(plan: Plan) -> list[str]:
    """How much, how long, for how much: a line each."""
    each = plan.load.duration_ms[plan.architecture] / 1000
    lines = [
        f"{plan.objects:,} objects, {plan.at_once:,} at once: {duration(plan.seconds)}",
        f"  {plan.load.name}: {each:,.1f} s each",
        *(_row(item.what, item.usd) for item in plan.feeding()),
        _row("what the pattern does with them", plan.working),
        _row(f"by list prices (us-east-1, {as_of()})", plan.usd),
    ]
    if plan.seconds > YEAR:
        lines.append("An execution ends after a year: say a larger --at-once, or go by --prefix.")
    return lines


def _row(what: str, usd: float) -> str:
    return f"  {what:<44}{f'${usd:,.2f}':>12}"


def planned(pattern: str, objects: int, *, at_once: int = 0, own: Workload | None = None) -> Plan:
    """Of so many objects. at_once, own: in place of what the pattern's example says."""
    fed = FED[pattern]
    return Plan(
        objects=objects,
        at_once=at_once or fed.at_once,
        where=fed.where,
        load=own or example(fed.example),
        architecture=read_settings([]).architecture,
    )


def blocks() -> dict[str, str]:
    """For docs/backfill.md."""
    lines = told(planned("LambdaPattern", 10_000_000, at_once=60))
    command = "python3 dev.py backfill --pattern LambdaPattern --at-once 60 --plan 10000000"
    return {"plan": "\n".join(["```console", f"$ {command}", *lines, "```"])}


def duration(seconds: float) -> str:
    """In the two largest units: 2 days 3 hours, 4 minutes 10 seconds."""
    left, parts = max(1, round(seconds)), []
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:,} {unit}{'s' if count > 1 else ''}")
    return " ".join(parts[:2])
