"""Sensitivity of the answer: each uncertain input at both ends of its range."""

from collections.abc import Iterator
from typing import NamedTuple

from chooser.choose import Verdict, cheapest_possible
from chooser.keys import FRONT_DOORS, KEYS
from chooser.workload import Workload
from runtime.placement.limits import limit

RANGES = {
    "cpu_share": (0.05, 1),
    "cold_share": (0, 0.1),
    "init_ms": (100, 5000),
    "log_kb": (0, 10),
    "cached_share": (0, 0.9),
    "attempts": (1, 1.5),
    "requests_per_connection": (1, 100),
    "pull_seconds": (5, 60),
    "spot_interruptions": (0, 0.5),
}
"""Plausible ranges of numbers that were not given or were assumed."""
PEAK = (1, 5)
"""Range of the peak, as factors of the busiest hour's average."""
GUESSED = (0.5, 2)
"""Range of a number that was given, as factors: it may differ next year, or when measured another day."""
ARCHITECTURE = (0.8, 1.5)
"""Range of an assumed duration, as factors."""
CHOICES = {
    "front_door": tuple(one for one in FRONT_DOORS if one in ("function-url", "http-api", "rest-api")),
    "start_seconds": (0.1, 600),
    "interruptible": (True,),
    "autoscaling": (False,),
    "production": (False,),
    "sharing": (10,),
    "function_in_vpc": (True,),
}
"""Alternatives to a choice that the workload does not fix."""


class Change(NamedTuple):
    """A change that makes another candidate the cheapest.

    key: an input or a price. now, then: its values as text. best: the cheapest candidate with `then`.
    """

    key: str
    now: str
    then: str
    best: Verdict


def changes(
    load: Workload, verdicts: list[Verdict], *, architecture: str = "", free: bool = False
) -> tuple[list[Change], list[str]]:
    """Return changes that make another candidate the cheapest, and the keys for which no change does."""
    best, flips, others = verdicts[0], [], []
    for key, now, then, at in _ends(load):
        found = cheapest_possible(at, architecture=architecture, free=free)
        if found and (found.candidate != best.candidate or not best.possible):
            flips.append(Change(key, now, then, found))
        elif key not in others:
            others.append(key)
    flips += _prices(verdicts)
    flipped = {one.key for one in flips}
    return flips, [key for key in others if key not in flipped]


def _ends(load: Workload) -> Iterator[tuple[str, str, str, Workload]]:
    for key, whole in RANGES.items():
        now, said = float(getattr(load, key)), key in load.given
        if not _matters(key, load):
            continue
        unsure = not said or key in load.assumed
        ends = whole if unsure else tuple(_within(key, now * times) for times in GUESSED)
        yield from (_moved(load, key, end) for end in ends if end != now)
    for times in GUESSED:
        yield "requests", f"{load.requests:,.0f}", f"{load.requests * times:,.0f}", load.times(times)
    highest = max(load.averages)
    if not load.peak_per_second and highest:
        yield _moved(load, "peak_per_second", highest * PEAK[1], highest)
    vcpus = load.memory_mb / limit("lambda.vcpu_at_mb")
    if "threads" not in load.given and vcpus > 1:
        yield _moved(load, "threads", vcpus)
    if load.request_memory_mb is None:
        yield from (_moved(load, "request_memory_mb", end, load.in_flight_mb) for end in (1, load.memory_mb))
    for one, duration in load.duration_ms.items():
        if f"duration_ms.{one}" in load.assumed:
            for times in ARCHITECTURE:
                slower = {**load.duration_ms, one: duration * times}
                at = load._replace(duration_ms=slower)
                yield f"duration_ms.{one}", f"{duration:g}", f"{duration * times:g}", at
    yield from _choices(load)


def _matters(key: str, load: Workload) -> bool:
    """Return whether varying `key` can matter: some keys need a cache, load balancer, task starts or Spot."""
    if key == "cached_share":
        return key in load.given
    if key == "requests_per_connection":
        return load.balancer in ("public", "internal", "shared") or load.way_in == "alb"
    if key == "pull_seconds":
        return load.way_in == "none" or len(set(load.averages)) > 1
    return key != "spot_interruptions" or load.interruptible or load.spot_share > 0


def _within(key: str, value: float) -> float:
    low, high = KEYS[key].values  # type: ignore[misc]  # these keys have ranges of numbers
    return max(float(low), min(float(high), value))


def _choices(load: Workload) -> Iterator[tuple[str, str, str, Workload]]:
    unasked = not (load.events or load.messages or load.load_balancer or load.start_seconds > 1)
    for key, ends in CHOICES.items():
        if key in load.given or (key == "front_door" and load.way_in == "websocket-api"):
            continue
        if key == "front_door" and load.way_in == "none" and not unasked:
            continue  # the workload's other keys imply that no caller waits
        if key == "function_in_vpc" and not (load.nat_gateways or load.endpoints):
            continue
        now = load.way_in if key == "front_door" else getattr(load, key)
        yield from (_moved(load, key, end, now) for end in ends if end != now)


def _moved(load: Workload, key: str, end: object, now: object = None) -> tuple[str, str, str, Workload]:
    before = getattr(load, key) if now is None else now
    return key, _said(before), _said(end), load._replace(**{key: end})  # type: ignore[arg-type]


def _said(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _prices(verdicts: list[Verdict]) -> Iterator[Change]:
    """Yield changes of a single unverified price that make another candidate the cheapest."""
    possible = [one for one in verdicts if one.possible]
    unverified = {
        found.name: found
        for one in possible
        for item in one.items
        for found in item.prices
        if found.name in item.unverified
    }
    for name, found in sorted(unverified.items()):
        for end, value in enumerate((found.low, found.high)):
            moved = {
                one.candidate: one.usd
                + sum(item.spread[end] - item.usd for item in one.items if name in item.unverified)
                for one in possible
            }
            best = min(possible, key=lambda one: moved[one.candidate])
            if best is not verdicts[0]:
                yield Change(name, f"${found.usd:g}", f"${value:g}", best)
