"""“Lambda or Fargate?”: hard limits, whose values are stated, rule candidates out; cost ranks the others."""

from collections.abc import Callable
from typing import NamedTuple

from chooser.candidates import (
    FUNCTIONS,
    Candidate,
    Reason,
    bill,
    considered,
    total,
    violations,
)
from chooser.costs.items import Item, spread
from chooser.workload import SECONDS_A_MONTH, Workload

CLOSE = 1.25
"""Ratio up to which costs are close, so that what the team knows how to run matters more than the price."""
STEP, FAR = 1.5, 1e4
"""Factor of each step in the search for a break-even, and the largest factor up or down from the load."""
NEAR, NEARBY = 1.1, 8
"""Factor of a step, and number of steps to either side of a break-even, in the search for others."""


class Verdict(NamedTuple):
    """One candidate, on the requested or else the cheaper architecture. violations: what rules it out.

    items, usd, spread: per month.
    """

    candidate: Candidate
    architecture: str
    violations: tuple[Reason, ...]
    items: tuple[Item, ...]

    @property
    def possible(self) -> bool:
        """Whether nothing rules it out."""
        return not self.violations

    @property
    def usd(self) -> float:
        """USD per month."""
        return sum(item.usd for item in self.items)

    @property
    def spread(self) -> tuple[float, float]:
        """USD at the lowest and the highest values of unverified prices."""
        return spread(self.items)

    @property
    def dollars(self) -> str:
        """USD per month, as printed."""
        return f"${self.usd:,.2f}"

    @property
    def unverified(self) -> tuple[str, ...]:
        """Names of unverified prices in the bill."""
        return tuple(sorted({name for item in self.items for name in item.unverified}))


def choose(load: Workload, *, architecture: str = "", free: bool = False) -> list[Verdict]:
    """Return verdicts on the candidates that make sense: possible ones first, each group cheapest first."""
    found = [_verdict(one, load, architecture, free) for one in considered(load)]
    return sorted(found, key=lambda one: (not one.possible, one.usd))


def cheapest_possible(load: Workload, *, architecture: str = "", free: bool = False) -> Verdict | None:
    """Return the first verdict of `choose`, billing only possible candidates; None if none is possible."""
    able = (one for one in considered(load) if not any(violations(one, load, architecture)))
    found = (_verdict(one, load, architecture, free) for one in able)
    return min(found, key=lambda one: one.usd, default=None)


def _verdict(candidate: Candidate, load: Workload, architecture: str, free: bool) -> Verdict:
    among = [architecture] if architecture else [*load.duration_ms]
    if candidate is Candidate.MANAGED and "arm64" in among:
        among = ["arm64"]  # the only instance priced here has this CPU
    elif len({*load.duration_ms.values()}) == 1 and "arm64" in among:
        among = ["arm64"]  # as fast, and nothing costs more there
    reasons = tuple(violations(candidate, load, architecture))
    bills = [(one, tuple(bill(candidate, load, one, free=free))) for one in among]
    best, items = min(bills, key=lambda one: sum(item.usd for item in one[1]))
    return Verdict(candidate, best, reasons, items)


class BreakEven(NamedTuple):
    """The load at which two candidates cost the same.

    requests: per month. busy: average number of busy function environments. below, above: the cheaper
    candidate on either side. others: lowest and highest crossing nearby, if there are several.
    """

    requests: float
    per_second: float
    busy: float
    below: Candidate
    above: Candidate
    others: tuple[float, float] | None = None


def break_even(
    load: Workload,
    one: tuple[Candidate, str],
    other: tuple[Candidate, str],
    *,
    free: bool = False,
) -> BreakEven | None:
    """Return the load at which two candidates cost the same; None if none is within a factor of 10,000.

    one, other: candidates with their architectures.

    The search starts at the workload's own volume. A service grows by whole tasks, so the two costs may cross
    more than once.
    """
    if load.requests <= 0:
        return None

    def gap(factor: float) -> float:
        at = load.times(factor)
        return total(one[0], at, one[1], free=free) - total(other[0], at, other[1], free=free)

    here = gap(1) <= 0
    tasks_cheaper = (other if here else one)[0] in FUNCTIONS
    up, down = STEP, 1 / STEP  # functions win at low loads, tasks at high ones: search that way first
    crossing = _crossing(gap, *((down, up) if tasks_cheaper else (up, down)))
    if crossing is None:
        return None
    same, changed = _exactly(gap, crossing, load.requests)
    above = one[0] if gap(max(same, changed)) <= 0 else other[0]
    requests = load.requests * changed
    function = one if one[0] in FUNCTIONS else other
    busy = load.runs * changed * load.seconds(function[1]) / SECONDS_A_MONTH
    others = _others(gap, changed, load.requests)
    below = other[0] if above == one[0] else one[0]
    return BreakEven(requests, requests / SECONDS_A_MONTH, busy, below, above, others)


def _exactly(
    gap: Callable[[float], float], bracket: tuple[float, float], requests: float
) -> tuple[float, float]:
    """Bisect the bracket until it is half a request wide, or as narrow as floats allow."""
    same, changed = bracket
    here = gap(same) <= 0
    while abs(changed - same) * requests > 0.5:
        middle = (same + changed) / 2
        if middle in (same, changed):
            break
        same, changed = (middle, changed) if (gap(middle) <= 0) == here else (same, middle)
    return same, changed


def _others(gap: Callable[[float], float], factor: float, requests: float) -> tuple[float, float] | None:
    """Return the lowest and highest crossing around a known one, if there are more."""
    points = [factor * NEAR**step for step in range(-NEARBY, NEARBY + 1)]
    signs = [gap(one) <= 0 for one in points]
    changes = [at for at in range(len(points) - 1) if signs[at] != signs[at + 1]]
    if len(changes) < 2:
        return None
    ends = (_exactly(gap, (points[at], points[at + 1]), requests)[1] for at in (changes[0], changes[-1]))
    all_of_them = [factor * requests, *(end * requests for end in ends)]
    return min(all_of_them), max(all_of_them)


def _crossing(gap: Callable[[float], float], *directions: float) -> tuple[float, float] | None:
    """Return two factors between which the sign of the difference changes."""
    here = gap(1) <= 0
    for step in directions:
        factor = 1.0
        while 1 / FAR < factor < FAR:
            if (gap(factor * step) <= 0) != here:
                return factor, factor * step
            factor *= step
    return None


def rival(verdicts: list[Verdict]) -> Verdict | None:
    """Return the cheapest possible candidate of the other kind (functions or tasks); None without one."""
    best = verdicts[0]
    for one in verdicts[1:]:
        if one.possible and (one.candidate in FUNCTIONS) != (best.candidate in FUNCTIONS):
            return one
    return None


def sentence(verdicts: list[Verdict]) -> str:
    """Return the answer in words."""
    best, *rest = verdicts
    if not best.possible:
        others = "ECS on EC2, AWS Batch, SageMaker, or other Managed Instances"
        return f"None of these: every candidate is ruled out. Look at {others}."
    said = f"{_begun(best)} on {best.architecture}: {best.dollars} a month{_doubt(best)}."
    said += _if_it_may_wait(best, rest)
    second, other = next((one for one in rest if one.possible), None), rival(verdicts)
    if not second:
        return f"{said} No other candidate is possible."
    kind = ""
    if other and other is not second:
        of = "functions" if other.candidate in FUNCTIONS else "tasks"
        kind = f" The cheapest with {of} is {_against(other, best)}"
    if second.usd <= best.usd * CLOSE:
        told = f"{_begun(second)} is close ({second.dollars})"
        told += ": choose what your team knows how to run." if second is other else "."
    else:
        told = f"The next is {_against(second, best)}"
    return f"{said} {told}{kind}"


def _doubt(verdict: Verdict) -> str:
    low, high = verdict.spread
    if round(low, 2) == round(high, 2):
        return ""
    return f" ({low:,.2f} to {high:,.2f}, since some of its prices are unverified)"


def _against(one: Verdict, best: Verdict) -> str:
    if best.usd < 0.005:
        return f"{_named(one)}: {one.dollars}."
    return f"{_named(one)}: {one.dollars}, {one.usd / best.usd:.1f} times as much."


def _if_it_may_wait(best: Verdict, rest: list[Verdict]) -> str:
    """Return what would be cheaper if the work could wait for a task to start."""
    slow = [one for one in rest if {why.quantity for why in one.violations} == {"start_seconds"}]
    cheaper = min((one for one in slow if one.usd < best.usd), key=lambda one: one.usd, default=None)
    if not cheaper:
        return ""
    reason = cheaper.violations[0]
    return (
        f" A start may take at most {reason.asked:g} s; if it may take {reason.value:g} s (start_seconds), "
        f"{_named(cheaper)} costs {cheaper.dollars}."
    )


def _named(verdict: Verdict) -> str:
    return verdict.candidate.replace("lambda", "Lambda").replace("fargate", "Fargate")


def _begun(verdict: Verdict) -> str:
    name = _named(verdict)
    return f"{name[:1].upper()}{name[1:]}"
