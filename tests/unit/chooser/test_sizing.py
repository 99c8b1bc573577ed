"""How many tasks of which size carry a load: invariants of the choice, and cases by hand."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chooser.candidates import SERVICES, Candidate, size, total
from chooser.costs.sizing import BUSY, at_once, service_tasks
from chooser.keys import parse
from chooser.workload import Workload
from runtime.placement.limits import FARGATE_SIZES

SIZES = [(cpu / 1024, memory / 1024) for cpu, memories in FARGATE_SIZES.items() for memory in memories]
SMALL = {"name": "small", "requests": 1_000_000, "memory_mb": 512, "duration_ms": {"arm64": 100}}
SIZED = (*SERVICES, Candidate.WORKER, Candidate.RUN_TASK, Candidate.RUN_TASK_SPOT)


def workload(**named: Any) -> Workload:
    return parse({**SMALL, **named})


LOADS = st.builds(
    workload,
    requests=st.floats(1, 1e9),
    memory_mb=st.floats(128, 30_000),
    duration_ms=st.fixed_dictionaries({"arm64": st.floats(1, 100_000)}),
    cpu_share=st.floats(0.01, 1),
    threads=st.sampled_from([1, 2, 8]),
    hours=st.sampled_from([[1] * 24, [0] * 12 + [1] * 12, [9, 1] * 12]),
    autoscaling=st.booleans(),
    production=st.booleans(),
    disk_mb=st.sampled_from([0, 40_000]),
    sharing=st.just(3),
)


@settings(max_examples=60, deadline=None)
@given(load=LOADS, candidate=st.sampled_from(SIZED))
def test_no_valid_size_is_cheaper_than_the_one_that_is_chosen(load: Workload, candidate: Candidate) -> None:
    chosen = total(candidate, load, "arm64")
    for vcpus, memory in SIZES:
        if memory * 1024 < load.memory_mb:
            continue
        own = load._replace(task_vcpus=vcpus, task_memory_gb=memory)
        assert chosen <= total(candidate, own, "arm64") * (1 + 1e-9), (vcpus, memory)


@settings(deadline=None)
@given(load=LOADS)
def test_the_tasks_carry_the_busiest_hour_with_headroom(load: Workload) -> None:
    found = size(Candidate.SERVICE, load, "arm64")
    assert found
    assert (found.vcpus, found.memory_gb) in SIZES
    for rate, tasks in zip(load.per_second, found.tasks, strict=True):
        if not load.autoscaling:
            assert tasks == max(found.tasks)
        in_flight = rate * load.task_seconds("arm64", found.vcpus)
        assert rate * load.cpu_seconds("arm64") <= tasks * found.vcpus * BUSY * (1 + 1e-9)
        assert in_flight <= tasks * max(1, at_once(load, found.memory_gb * 1024)) * BUSY * (1 + 1e-6)
        memory = load.in_memory + max(1, at_once(load, found.memory_gb * 1024)) * load.in_flight_mb
        assert memory <= found.memory_gb * 1024 * (1 + 1e-9)


def test_the_users_own_size_wins() -> None:
    found = size(Candidate.SERVICE, workload(task_vcpus=2, task_memory_gb=5), "arm64")
    assert found
    assert (found.vcpus, found.memory_gb) == (2, 5)
    only_vcpus = size(Candidate.SERVICE, workload(task_vcpus=2), "arm64")
    assert only_vcpus
    assert (only_vcpus.vcpus, only_vcpus.memory_gb) == (2, 4)
    only_memory = size(Candidate.SERVICE, workload(task_memory_gb=3), "arm64")
    assert only_memory
    assert (only_memory.vcpus, only_memory.memory_gb) == (0.5, 3)


def test_a_service_follows_the_hours_and_has_two_tasks_in_production() -> None:
    night = [0] * 12 + [1] * 12
    one = {"requests": 50_000_000, "memory_mb": 1769, "duration_ms": {"arm64": 100}, "hours": night}
    load = workload(**one, task_vcpus=1, task_memory_gb=8)
    peak = -(-50_000_000 / (730 * 3600) * 2 * 0.1 // BUSY)
    assert service_tasks(load, "arm64", 1, 8192) == (2,) * 12 + (peak,) * 12
    assert service_tasks(load._replace(autoscaling=False), "arm64", 1, 8192) == (peak,) * 24
    assert service_tasks(workload(), "arm64", 1, 2048) == (2,) * 24
    assert service_tasks(workload(production=False), "arm64", 1, 2048) == (1,) * 24


def test_requests_that_wait_are_counted_by_their_memory() -> None:
    """Thirty-four concurrent requests of 2 GB each do not fit into two tasks of 2 GB."""
    waits = {"requests": 30_000_000, "duration_ms": {"arm64": 3000}, "memory_mb": 2048, "cpu_share": 0.02}
    each = workload(**waits, request_memory_mb=2048, task_vcpus=1, task_memory_gb=2)
    in_flight = 30_000_000 / (730 * 3600) * each.task_seconds("arm64", 1)
    assert service_tasks(each, "arm64", 1, 2048) == (-(-in_flight / BUSY // 1),) * 24
    assert in_flight / BUSY > 50
    shared = workload(**waits, shared_memory_mb=2000, task_vcpus=1, task_memory_gb=4)
    assert max(service_tasks(shared, "arm64", 1, 4096)) < 5


def test_concurrency_is_a_limit_of_its_own() -> None:
    waits = {"requests": 30_000_000, "duration_ms": {"arm64": 3000}, "cpu_share": 0.01}
    one = workload(**waits, task_concurrency=1, request_memory_mb=0.1)
    many = workload(**waits, task_concurrency=50, request_memory_mb=0.1)
    assert max(service_tasks(one, "arm64", 1, 2048)) > 20 * max(service_tasks(many, "arm64", 1, 2048))


def test_the_tasks_are_sized_for_a_burst() -> None:
    calm = workload(requests=10_000_000, task_vcpus=1, task_memory_gb=2)
    burst = calm._replace(peak_per_second=100)
    assert max(burst.per_second) == pytest.approx(100)
    assert max(service_tasks(burst, "arm64", 1, 2048)) > max(service_tasks(calm, "arm64", 1, 2048))


def test_caching_in_memory_makes_a_service_cheaper_and_not_a_function() -> None:
    alone = workload(requests=50_000_000, memory_mb=1769, duration_ms={"arm64": 300})
    kept = alone._replace(cached_share=0.9, cached_ms=7)
    assert total(Candidate.SERVICE, kept, "arm64") < total(Candidate.SERVICE, alone, "arm64") / 3
    assert total(Candidate.LAMBDA, kept, "arm64") == total(Candidate.LAMBDA, alone, "arm64")


def test_a_worker_runs_no_tasks_while_no_work_arrives() -> None:
    nightly = workload(requests=30, hours=[1, *[0] * 23], start_seconds=600)
    found = size(Candidate.WORKER, nightly, "arm64")
    assert found
    assert found.tasks[1:] == (0,) * 23
    assert 0.5 < found.tasks[0] < 1


def test_measured_cpu_replaces_the_guess_from_memory() -> None:
    assert workload(cpu_ms=50).cpu_seconds("arm64") == 0.05
    assert workload().cpu_seconds("arm64") == pytest.approx(0.1 * 512 / 1769)
