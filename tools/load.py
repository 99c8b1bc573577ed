"""Load generators in threads: all requests at once, at a fixed rate, or as fast as responses come."""

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

MOST_AT_ONCE = 200
THROTTLED = (429, 503)
"""Status codes of Lambda (429) and of the service (503) when they are out of capacity."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Outcome of a request. status: 0 without an answer. work_ms: as the server reported it, else 0."""

    status: int
    seconds: float
    work_ms: float = 0


Ask = Callable[[str], Asked]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """All answers to a series of requests, in the order of the requests."""

    all: Sequence[Asked]

    @property
    def good(self) -> list[Asked]:
        return [one for one in self.all if one.status == 200]

    @property
    def throttled(self) -> int:
        return sum(one.status in THROTTLED for one in self.all)

    @property
    def failed(self) -> int:
        """Number of requests neither successful nor throttled; those without an answer count too."""
        return len(self.all) - len(self.good) - self.throttled

    def milliseconds(self, share: float) -> float:
        """Return the `share` quantile (nearest rank) of the successful answers' times; NaN without any."""
        if not self.good:
            return math.nan
        seconds = sorted(one.seconds for one in self.good)
        return seconds[max(0, math.ceil(share * len(seconds)) - 1)] * 1000

    @property
    def work_ms(self) -> float:
        """Mean of the work that the server reported for successful answers; NaN without any."""
        return sum(one.work_ms for one in self.good) / len(self.good) if self.good else math.nan


def at_once(ask: Ask, paths: Sequence[str], *, clients: int) -> Answers:
    """Request each path once, at most `clients` at a time."""
    with ThreadPoolExecutor(clients) as pool:
        return Answers(all=list(pool.map(ask, paths)))


def steady(ask: Ask, paths: Iterator[str], *, per_second: float, seconds: float) -> Answers:
    """Send each request when it is due, whether or not earlier ones are answered; at most 200 at once."""
    began = time.monotonic()

    def one(number: int, path: str) -> Asked:
        time.sleep(max(0, began + number / per_second - time.monotonic()))
        return ask(path)

    number = max(1, round(per_second * seconds))
    with ThreadPoolExecutor(min(number, MOST_AT_ONCE)) as pool:
        return Answers(all=list(pool.map(one, range(number), itertools.islice(paths, number))))


def capacity(ask: Ask, paths: Iterator[str], *, clients: int, seconds: float) -> float:
    """Return successful answers per second of `clients` clients that each send one request after another."""
    began, drawing = time.monotonic(), threading.Lock()

    def one(_: int) -> int:
        good = 0
        while time.monotonic() < began + seconds:
            with drawing:  # a generator runs in one thread at a time
                path = next(paths)
            good += ask(path).status == 200
        return good

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(one, range(clients))) / (time.monotonic() - began)
