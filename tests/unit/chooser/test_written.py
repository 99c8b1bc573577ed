"""A workload as TOML and as a link: reading either gives the same workload again."""

import random
import tomllib
from pathlib import Path

import pytest

from chooser.keys import KEYS, WorkloadError, load, parse
from chooser.workload import Workload
from chooser.written import MOST, as_query, as_toml, from_query, given_keys
from tests.support.workloads import workloads

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").rglob("*.toml"))


@pytest.mark.parametrize(
    "made", [*map(load, map(str, EXAMPLES)), *workloads(random.Random(26), 50)], ids=lambda one: one.name
)
def test_a_round_trip_changes_nothing(made: Workload) -> None:
    assert from_query(as_query(made)) == made
    assert parse(tomllib.loads(as_toml(given_keys(made)))) == made


def test_every_key_survives_a_round_trip() -> None:
    values: dict[str, object] = {"name": 'a "b" & c=d, é\\', "duration_ms": {"x86_64": 1.5, "arm64": 2}}
    for name, key in KEYS.items():
        if key.values is bool:
            values[name] = True
        elif isinstance(key.values, tuple):
            values[name] = key.values[1] if isinstance(key.values[0], str) else max(1, float(key.values[0]))
    values |= {"memory_mb": 2048, "hours": [1, *[0.5] * 23], "region": "eu-west-1", "assumed": ["cpu_ms"]}
    values |= {"task_memory_gb": 4}
    made = parse(values)
    assert made.given == {*KEYS}
    assert from_query(as_query(made)) == made
    assert parse(tomllib.loads(as_toml(given_keys(made)))) == made


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("name=a", "requests, duration_ms, memory_mb: missing"),
        ("name=a&requests=many&duration_ms.arm64=1&memory_mb=128", "requests = 'many'"),
        ("name=a&requests=nan&duration_ms.arm64=inf&memory_mb=128", "requests = nan"),
        ("name=a&requests=1&duration_ms=5&memory_mb=128", "duration_ms = '5'"),
        ("duration_ms=5&duration_ms.arm64=1", "duration_ms.arm64: the link gives duration_ms more than once"),
        ("requests=1&requests=2", "requests: the link gives requests more than once"),
        ("name=a&requests=1&duration_ms.arm64=1&memory_mb=128&internet=yes", "internet = 'yes'"),
        ("name=a&requests=1&duration_ms.arm64=1&memory_mb=128&nothing=1", "nothing: no such key"),
        ("name=a&requests=1&duration_ms.arm64=1&memory_mb=128&hours=1,2", "24 weights"),
        ("name=" + "a" * MOST, "A link has at most"),
    ],
)
def test_a_wrong_link_is_an_error_that_says_why(query: str, why: str) -> None:
    with pytest.raises(WorkloadError) as told:
        from_query(query)
    assert why in str(told.value)
