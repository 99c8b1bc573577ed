"""What a workload's file may contain, and the error for a wrong one."""

from typing import Any

import pytest

from chooser.keys import KEYS, WorkloadError, parse
from chooser.workload import Workload

SMALL = {
    "name": "small",
    "requests": 1_000_000,
    "memory_mb": 512,
    "duration_ms": {"x86_64": 100, "arm64": 100},
}


def workload(**named: Any) -> Workload:
    return parse({**SMALL, **named})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"request": 1}, "request: no such key. Did you mean requests? There are: name, "),
        ({"requests": "many"}, "requests = 'many': must be a number from 0 to 1e+12"),
        ({"requests": -1}, "requests = -1"),
        ({"requests": True}, "requests = True"),
        ({"requests": float("nan")}, "requests = nan"),
        ({"memory_mb": 0}, "memory_mb = 0: must be a number from 128"),
        ({"cpu_share": 1.1}, "cpu_share = 1.1: must be a number from 0.01 to 1"),
        ({"duration_ms": 100}, "duration_ms = 100: must be milliseconds for x86_64 or arm64"),
        ({"duration_ms": {"sparc": 1}}, "x86_64 or arm64"),
        ({"duration_ms": {"arm64": 0}}, "numbers over 0"),
        ({"duration_ms": {"arm64": "1s"}}, "in milliseconds"),
        ({"hours": [1, 2]}, "24 weights"),
        ({"hours": [0] * 24}, "not all 0"),
        ({"hours": [1e308] * 24}, "24 weights"),
        ({"hours": [10**400] * 24}, "24 weights"),
        ({"gpu": "yes"}, "true or false"),
        ({"load_balancer": "cloud"}, "none, public, internal, shared, api-gateway"),
        ({"front_door": "door"}, "none, function-url, http-api"),
        ({"request_memory_mb": 600}, "600 MB together"),
        ({"shared_memory_mb": 300, "request_memory_mb": 300}, "memory_mb = 512"),
        ({"assumed": ["colour"]}, "a list of keys"),
        ({"assumed": "cpu_share"}, "a list of keys"),
        ({"longest_seconds": 0.05}, "shorter than duration_ms"),
        ({"name": ""}, "a string of one line"),
        ({"name": "a\nb"}, "a string of one line"),
        ({"task_vcpus": 3}, "one of 0.25, 0.5, 1, 2, 4, 8, 16, 32."),
        ({"task_vcpus": 1, "task_memory_gb": 1}, "2 to 8 in Fargate's steps is allowed with 1 vCPU"),
        ({"task_memory_gb": 2.5}, "in Fargate's steps"),
    ],
)
def test_a_wrong_workload_names_the_key_and_what_is_allowed(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(WorkloadError) as error:
        workload(**wrong)
    assert says in str(error.value)


def test_several_mistakes_are_told_at_once() -> None:
    with pytest.raises(WorkloadError) as error:
        workload(cpu_share=2, gpu="no", colour="red")
    assert [line.partition(" ")[0] for line in str(error.value).splitlines()] == [
        "colour:",
        "cpu_share",
        "gpu",
    ]


def test_missing_keys_are_named() -> None:
    with pytest.raises(WorkloadError, match="requests, duration_ms, memory_mb: missing"):
        parse({"name": "nothing"})


def test_every_field_is_a_key_and_every_number_has_a_range() -> None:
    assert [*KEYS] == [name for name in Workload._fields if name != "given"]
    for name, key in KEYS.items():
        if "float" in str(Workload.__annotations__[name]) and name not in ("duration_ms", "hours"):
            assert isinstance(key.values, tuple), name
            low, high = map(float, key.values)
            assert low < high, name
