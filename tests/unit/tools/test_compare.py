"""The comparison: both services get the same requests, and the tables show the results."""

import io
import itertools
import math
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from rich.console import Console

from container.service.request import ImageRequest, parse, path_of
from stacks.settings import Settings
from tools import load
from tools.commands import compare
from tools.commands.compare import COMPARE, EXTENTS, Extent, parts, report, session
from tools.commands.trial import Deployed
from tools.drivers.deployed import Answer
from tools.drivers.fargate_pattern import ServiceDriver
from tools.drivers.viewer import Viewer
from tools.load import Answers, Asked

SMALLEST = Extent(seconds=0.005, rates=(400, 0), burst=5)


@dataclass(frozen=True, kw_only=True)
class Deaf(ServiceDriver):
    """A driver that answers without a network, and records the requests."""

    asked: list[str] = field(default_factory=list)
    refuses: str = "nothing"

    def wait_until_steady(self, *, timeout: float = 300) -> dict[str, Any]:
        return {}

    def tasks(self) -> list[Mapping[str, Any]]:
        now = datetime.now(UTC)
        return [{"createdAt": now, "startedAt": now + timedelta(seconds=42)}]

    def upload(self, key: str, data: bytes) -> None:
        assert data

    def get(self, path: str, *, timeout: float = 120) -> Answer:
        self.asked.append(path)
        timing = {"server-timing": "parse;dur=1, fetch;dur=2, transform;dur=3, encode;dur=4, work;dur=8"}
        return Answer(status=400 if self.refuses in path else 200, headers=timing, body=b"")


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> dict[str, Deaf]:
    made: dict[str, Deaf] = {}

    def make(stack: str, refuses: str, **arguments: Any) -> Deaf:
        made[stack] = Deaf(refuses=refuses, **arguments)
        return made[stack]

    doubles = {
        "FargatePattern": partial(make, "FargatePattern", "nothing"),
        "LambdaService": partial(make, "LambdaService", ".png"),
    }
    monkeypatch.setattr(compare, "DRIVERS", doubles)
    monkeypatch.setattr(compare, "pictures", lambda: {"photo.jpg": b"1"})
    return made


class Lambda:
    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"ConcurrentExecutions": 10}}


def said(endpoint: str) -> str:
    console = Console(file=io.StringIO(), width=80)
    outputs = {stack: {"Url": f"https://{stack}"} for stack in compare.SIDES}
    deployed = Deployed(
        outputs=outputs,
        client=lambda _: Lambda(),
        resource=lambda _: None,
        settings=Settings(),
        console=console,
        endpoint=endpoint,
    )
    compare.compare(deployed, SMALLEST)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_each_service_is_asked_for_no_path_twice_but_the_first(sides: dict[str, Deaf]) -> None:
    text = said("http://127.0.0.1:1")
    service, function = (sides[stack].asked for stack in ("FargatePattern", "LambdaService"))
    for asked in (service, function):
        assert asked[:2] == ["/live", "/live"]
        assert len({*asked}) == len(asked) - 1
    assert len([one for one in service if "huge" in one]) == 2
    rows = [line for line in text.splitlines() if "|" in line]
    (of_service,), (of_function,) = (
        [row for row in rows if "15 MB" in row and side in row] for side in ("Fargate", "Lambda")
    )
    assert of_service.rstrip("| ").endswith("0")
    assert of_function.rstrip("| ").endswith("1"), "refused"
    assert "may have 10 concurrent executions" in text
    assert "no cache at its edge" in text
    in_an_account = said("")
    assert "no cache at its edge" not in in_an_account
    assert "A task was running 42 s after it was asked for." in in_an_account


def test_both_services_get_the_same_requests(sides: dict[str, Deaf], monkeypatch: pytest.MonkeyPatch) -> None:
    def capacity(_ask: Any, paths: Iterator[str], **_named: Any) -> float:
        list(itertools.islice(paths, next(counts)))  # a faster side takes more paths
        return 1000.0

    counts = iter((3, 50))
    monkeypatch.setattr(load, "capacity", capacity)
    said("http://127.0.0.1:1")
    service, function = (sides[stack].asked for stack in ("FargatePattern", "LambdaService"))
    assert sorted(service) == sorted(function)


def test_the_tables_are_markdown_on_a_narrow_terminal_too(sides: dict[str, Deaf]) -> None:
    lines = said("http://127.0.0.1:1").splitlines()
    headings = [line for line in lines if "p50, ms" in line or "per extra million" in line]
    assert len(headings) == 2
    assert all("…" not in line for line in lines)
    assert all(lines[lines.index(one) + 1].startswith("|--") for one in headings)


def test_the_work_of_a_request_is_the_sum_of_the_servers_steps_each_counted_once(
    sides: dict[str, Deaf],
) -> None:
    rows = [line for line in said("http://127.0.0.1:1").splitlines() if line.startswith("|Fargate")]
    assert [cell.strip() for cell in rows[-1].split("|")][2] == "11"  # parse, fetch, work: 1 + 2 + 8


def test_every_path_is_one_that_the_service_takes() -> None:
    viewer = Viewer(client=lambda _: None, outputs={}, endpoint="")
    assert len(session(viewer)) == compare.SESSION
    series = (itertools.islice(parts(viewer, number * compare.APART), 2000) for number in range(5))
    tried = [*itertools.chain(*series)]
    for path in (*session(viewer), *tried):
        assert isinstance(parse(path), ImageRequest)
        assert path.startswith(path_of("photo.jpg"))
    assert len({*tried}) == len(tried)


def test_percentiles_are_those_of_good_answers_by_nearest_rank() -> None:
    good = [Asked(status=200, seconds=number / 1000, work_ms=number) for number in range(1, 101)]
    answers = Answers(all=[*good, Asked(status=429, seconds=9), Asked(status=0, seconds=9)])
    assert [answers.milliseconds(share) for share in (0.5, 0.95, 1)] == [50, 95, 100]
    assert (answers.throttled, answers.failed, answers.work_ms) == (1, 1, 50.5)
    assert math.isnan(Answers(all=[Asked(status=503, seconds=1)]).milliseconds(0.5))
    throttled, failed = report({"one": {"LambdaService": answers}}).columns[-2:]
    assert ([*throttled.cells], [*failed.cells]) == (["1"], ["1"])


def test_steady_load_does_not_wait_for_answers() -> None:
    """All requests are in flight at the same time, or this would never end."""
    together = threading.Barrier(5)

    def ask(_: str) -> Asked:
        together.wait()
        return Asked(status=200, seconds=0)

    answers = load.steady(ask, iter("abcde"), per_second=1000, seconds=0.005)
    assert len(answers.good) == 5


def test_capacity_counts_good_answers_only() -> None:
    def ask(path: str) -> Asked:
        time.sleep(0.001)
        return Asked(status=500, seconds=0)

    assert load.capacity(ask, iter(str(n) for n in range(10**6)), clients=2, seconds=0.01) == 0


@pytest.mark.parametrize("target", EXTENTS)
def test_the_plan_says_what_is_asked_and_in_an_account_what_it_costs(target: str) -> None:
    plan = COMPARE.plan(target)
    assert "cdk destroy what this run created" in plan
    assert ("about $" in plan) is (target == "aws")
