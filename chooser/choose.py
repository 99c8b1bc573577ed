"""“Lambda or Fargate?”: hard limits rule a candidate out, each with its number; then the cost decides."""

from collections.abc import Iterator
from typing import NamedTuple

from chooser.costs import Candidate, Item, items, total
from chooser.prices import price
from chooser.workload import Workload
from runtime.placement.limits import Limit, limits

CLOSE = 1.25
"""Within a quarter, what a team knows how to run decides, and not the price."""
SLOW = "fargate.start_seconds"
STEP = 1.01
MOST = 1e12
"""Requests a month up to which a break-even is looked for."""


class Verdict(NamedTuple):
    """One candidate on the cheaper architecture. against: the limits that rule it out, and what is asked.

    items, usd: of a month. unverified: prices among them that nobody could check.
    """

    candidate: Candidate
    architecture: str
    against: tuple[tuple[Limit, float], ...]
    items: tuple[Item, ...]
    usd: float

    @property
    def possible(self) -> bool:
        return not self.against

    @property
    def unverified(self) -> tuple[str, ...]:
        names = {name for item in self.items for name in item.prices}
        return tuple(sorted(name for name in names if price(name).confidence == "unverified"))


def choose(load: Workload, *, architecture: str = "", free: bool = False) -> list[Verdict]:
    """Every candidate: those that are possible first, the cheapest of them at the top."""
    found = []
    for candidate in Candidate:
        against = tuple(_against(candidate, load, architecture))
        among = [architecture] if architecture else [*load.duration_ms]
        if candidate is Candidate.MANAGED and "arm64" in among:
            among = ["arm64"]  # its price is of an instance with that CPU
        best = min(among, key=lambda one: total(candidate, load, one, free=free))
        lines = tuple(items(candidate, load, best, free=free))
        usd = sum(item.usd for item in lines)
        found.append(Verdict(candidate=candidate, architecture=best, against=against, items=lines, usd=usd))
    return sorted(found, key=lambda one: (not one.possible, one.usd))


def _against(candidate: Candidate, load: Workload, architecture: str) -> Iterator[tuple[Limit, float]]:
    """The limits that a workload is beyond."""
    known = limits()
    asked = {
        "seconds": load.longest_seconds,
        "memory_mb": load.memory_mb,
        "disk_mb": load.disk_mb,
        "request_mb": load.payload_in_mb,
        "response_mb": load.payload_out_mb,
        "gpu": float(load.gpu),
        "priced_memory_mb": load.memory_mb,
        "priced_gpu": float(load.gpu),
        "priced_x86_64": float("arm64" not in load.duration_ms or architecture == "x86_64"),
        "connections": float(load.long_connections),
        "disk_gib": load.disk_mb / 1024,
    }
    group = {Candidate.LAMBDA: "lambda", Candidate.MANAGED: "managed_instances"}.get(candidate, "fargate")
    for name, value in asked.items():
        bound = known.get(f"{group}.{name}")
        if bound and value > bound.value:
            yield bound, value
    if candidate in (Candidate.RUN_TASK, Candidate.RUN_TASK_SPOT):
        if known["fargate.start_seconds"].value > load.start_seconds:
            yield known["fargate.start_seconds"], load.start_seconds
        if load.long_connections:
            yield known["run_task.connections"], 1
        if max(load.a_second) > known["run_task.starts_a_second"].value:
            yield known["run_task.starts_a_second"], max(load.a_second)
    if candidate is Candidate.LAMBDA and known["lambda.start_seconds"].value > load.start_seconds:
        yield known["lambda.start_seconds"], load.start_seconds


def break_even(
    load: Workload, one: Candidate, other: Candidate, architecture: str, *, free: bool = False
) -> float | None:
    """Requests a month from which `other` is not dearer than `one`, to the request; None where it always is.

    A service grows by whole tasks, so that the two may cross more than once: this is the first time, looked
    for in steps of one percent.
    """

    def gap(requests: float) -> float:
        at = load._replace(requests=requests)
        return total(one, at, architecture, free=free) - total(other, at, architecture, free=free)

    low = high = 1.0
    if gap(low) >= 0:
        return None
    while gap(high) < 0:
        low, high = high, high * STEP
        if high > MOST:
            return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if gap(middle) < 0 else (low, middle)
    return high


def sentence(verdicts: list[Verdict]) -> str:
    """The answer in words."""
    best, *rest = verdicts
    if not best.possible:
        others = "ECS on EC2, AWS Batch, SageMaker, or other Managed Instances"
        return f"None of these: every candidate is ruled out. Look at {others}."
    possible = [one for one in rest if one.possible]
    said = f"{_begun(best)} on {best.architecture}: ${best.usd:,.2f} a month{_doubt(best)}."
    waits = _if_it_may_wait(best, rest)
    said += waits
    if not possible:
        return f"{said} Nothing else is possible{' as it is asked' if waits else ''}."
    second = possible[0]
    if second.usd <= best.usd * CLOSE:
        return f"{said} {_begun(second)} is close (${second.usd:,.2f}): take what your team knows how to run."
    if best.usd < 0.005:
        return f"{said} The next, {second.candidate}, costs ${second.usd:,.2f}."
    times = second.usd / best.usd
    return f"{said} The next, {second.candidate}, costs {times:.1f} times that (${second.usd:,.2f})."


def _if_it_may_wait(best: Verdict, rest: list[Verdict]) -> str:
    """What would be cheaper, were it not for the time that it takes to start."""
    slow = [one for one in rest if {bound.name for bound, _ in one.against} == {SLOW}]
    cheaper = min((one for one in slow if one.usd < best.usd), key=lambda one: one.usd, default=None)
    if not cheaper:
        return ""
    bound, asked = cheaper.against[0]
    return (
        f" It is to start within {asked:g} s; if it may take {bound.value:g} s (start_seconds), "
        f"{cheaper.candidate} costs ${cheaper.usd:,.2f}{_doubt(cheaper)}."
    )


def _doubt(verdict: Verdict) -> str:
    return " (prices unverified)" if verdict.unverified else ""


def _begun(verdict: Verdict) -> str:
    return f"{verdict.candidate[:1].upper()}{verdict.candidate[1:]}"
