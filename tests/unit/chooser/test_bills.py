"""The chooser's bills against a second opinion written from AWS's pricing pages, to the cent."""

import ast
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chooser.candidates import SERVICES, Candidate, bill, considered, placed, size
from chooser.costs.functions import environments, spill
from chooser.keys import BALANCERS, FRONT_DOORS, load, parse
from chooser.workload import Workload
from tests.support import bills, list_prices

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").rglob("*.toml"))
SEED, WORKLOADS = 20261126, 200


def second_opinion(candidate: Candidate, workload: Workload, architecture: str) -> Decimal:
    """Return the same bill, computed independently, but from the chooser's counts, sizes and spill."""
    at = placed(candidate, workload)
    given, way = at._asdict(), at.way_in
    found = size(candidate, workload, architecture)
    if candidate is Candidate.LAMBDA:
        return bills.on_demand(given, architecture, way)
    if candidate is Candidate.PROVISIONED:
        kept = environments(at, architecture)
        return bills.provisioned(given, architecture, way, kept, spill(at, architecture, kept))
    if candidate is Candidate.MANAGED:
        what = bill(candidate, workload, architecture)[0].what
        return bills.managed(given, way, int(what.partition(" ")[0].replace(",", "")))
    assert found
    if candidate in SERVICES:
        return bills.service(given, architecture, at.balancer, *found)
    if candidate is Candidate.WORKER:
        return bills.worker(given, architecture, *found)
    on_spot = candidate is Candidate.RUN_TASK_SPOT
    return bills.jobs(given, architecture, on_spot, found.vcpus, found.memory_gb)


def drawn(count: int) -> Iterator[Workload]:
    """Yield workloads of every kind, the same on each run."""
    dice = random.Random(SEED)
    for number in range(count):

        def some(chance: float, value: float) -> float:
            return value if dice.random() < chance else 0

        duration = dice.choice([5, 40, 333.3, 2_000, 90_000, 2_400_000]) * dice.uniform(0.5, 2)
        values: dict[str, Any] = {
            "name": f"drawn {number}",
            "requests": round(10 ** dice.uniform(1, 9.5)),
            "duration_ms": {"x86_64": duration, "arm64": duration * dice.uniform(0.7, 1.2)},
            "memory_mb": dice.choice([128, 512, 1769, 3008, 10_240, 20_000]),
            "hours": [dice.choice([0, 1, 2, 5, 9]) for _ in range(23)] + [1],
            "cpu_share": dice.choice([0.02, 0.2, 0.5, 1]),
            "cpu_ms": some(0.2, duration / 3),
            "attempts": 1 + some(0.3, 0.2),
            "payload_in_mb": some(0.5, dice.choice([0.001, 0.05, 3])),
            "payload_out_mb": some(0.7, dice.choice([0.001, 0.05, 3, 40])),
            "internet": dice.random() < 0.5,
            "front_door": dice.choice(FRONT_DOORS),
            "requests_per_connection": dice.choice([1, 20]),
            "listener_rules": dice.choice([1, 15]),
            "connections": some(0.3, 5_000),
            "long_connections": dice.random() < 0.2,
            "longest_seconds": duration / 500,
            "pushes": dice.choice([0, 1, 3]),
            "snapstart": dice.random() < 0.2,
            "provisioned": some(0.2, 7),
            "log_kb": some(0.7, dice.choice([0.5, 20, 240])),
            "disk_mb": some(0.4, dice.choice([400, 5_000, 48_000])),
            "cached_share": some(0.2, 0.9),
            "cached_ms": 3,
            "spot_share": some(0.3, 0.7),
            "production": dice.random() < 0.7,
            "autoscaling": dice.random() < 0.7,
            "sharing": dice.choice([1, 5]),
            "nat_gateways": some(0.3, 2),
            "endpoints": some(0.2, 6),
            "network_mb": some(0.4, 0.1),
            "function_in_vpc": dice.random() < 0.3,
            **{key: some(0.4, dice.choice([1, 5, 700])) for key in ("puts", "gets")},
            **{key: some(0.4, 3) for key in ("events", "messages", "table_writes", "table_reads")},
        }
        if dice.random() < 0.5:
            values |= {"task_vcpus": 1, "task_memory_gb": dice.choice([2, 5, 8])}
        if dice.random() < 0.5:
            values["load_balancer"] = dice.choice(BALANCERS)
        if dice.random() < 0.5:
            values["addresses"] = dice.choice([0, 3, 4])
        yield parse(values)


def compare(workload: Workload) -> int:
    compared = 0
    for candidate in considered(workload):
        for architecture in workload.duration_ms:
            ours = sum(item.usd for item in bill(candidate, workload, architecture))
            theirs = float(second_opinion(candidate, workload, architecture))
            close = pytest.approx(theirs, abs=0.005, rel=1e-9)
            assert ours == close, (workload.name, candidate, architecture)
            compared += 1
    return compared


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_agrees_to_the_cent(path: Path) -> None:
    assert compare(load(str(path))) >= 6


def test_two_hundred_drawn_workloads_agree_to_the_cent() -> None:
    assert sum(map(compare, drawn(WORKLOADS))) > 2_500


def test_the_second_opinion_imports_nothing_of_the_chooser() -> None:
    tree = ast.parse(Path(bills.__file__).read_text() + Path(list_prices.__file__).read_text())
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    assert names == {"collections.abc", "decimal", "math", "tests.support.list_prices", "typing"}


def test_the_bill_agrees_with_awss_own_example_of_lambda() -> None:
    """Three million requests of 120 ms with 1,536 MB: $2.73 with the free tier.

    https://aws.amazon.com/lambda/pricing/
    """
    mobile = {"name": "AWS", "requests": 3_000_000, "duration_ms": {"x86_64": 120}, "memory_mb": 1536}
    workload = parse({**mobile, "log_kb": 0, "cold_share": 0})
    assert round(sum(item.usd for item in bill(Candidate.LAMBDA, workload, "x86_64", free=True)), 2) == 2.73
    by_hand = Decimal(2_000_000) / list_prices.MILLION * Decimal("0.20")
    by_hand += bills.tiered(
        Decimal(3_000_000) * Decimal("0.12") * Decimal("1.5") - 400_000, list_prices.LAMBDA["x86_64"]
    )
    assert round(by_hand, 2) == Decimal("2.73")


def test_the_bill_agrees_with_awss_own_example_of_fargate() -> None:
    """Five tasks of 1 vCPU and 2 GB, ten minutes a day for thirty days: $1.01 of vCPU, $0.22 of memory.

    https://aws.amazon.com/fargate/pricing/
    """
    tasks = {
        "requests": 150,
        "duration_ms": {"x86_64": 600_000},
        "memory_mb": 1769,
        "addresses": 0,
        "log_kb": 0,
    }
    workload = parse({"name": "AWS", **tasks, "task_vcpus": 1, "task_memory_gb": 2, "pull_seconds": 0})
    assert round(sum(item.usd for item in bill(Candidate.RUN_TASK, workload, "x86_64")), 2) == 1.23
    assert round(bills.jobs(workload._asdict(), "x86_64", False, 1, 2), 2) == Decimal("1.23")
