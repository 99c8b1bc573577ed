"""What is special about individual candidates: their sizing, bills and limits."""

from typing import Any

import pytest

from chooser.candidates import JOBS, Candidate, bill, size, total
from chooser.choose import choose
from chooser.costs.functions import blocked
from chooser.keys import parse
from chooser.workload import Workload

SMALL = {"name": "small", "requests": 1_000_000, "memory_mb": 512, "duration_ms": {"x86_64": 100}}


def workload(**named: Any) -> Workload:
    return parse({**SMALL, **named})


def test_requests_beyond_the_provisioned_environments_are_billed_on_demand() -> None:
    busy = {"requests": 200_000_000, "duration_ms": {"x86_64": 800}, "memory_mb": 1024, "log_kb": 0}
    few, enough = workload(**busy, provisioned=1), workload(**busy)
    found = {
        item.what.partition(" GB-s ")[2]: item.usd for item in bill(Candidate.PROVISIONED, few, "x86_64")
    }
    assert found["beyond the ready environments"] > 2000
    assert not any("beyond the ready" in item.what for item in bill(Candidate.PROVISIONED, enough, "x86_64"))
    strict = bill(Candidate.PROVISIONED, workload(late_share=0), "x86_64")
    assert strict[1].what.startswith("2 environments")
    assert blocked(1, 1) == pytest.approx(0.5)
    assert blocked(10, 5) == pytest.approx(0.0184, abs=1e-4)


def test_websocket_messages_are_not_billed_as_load_balancer_or_cloudfront_requests() -> None:
    chat = workload(long_connections=True, longest_seconds=3600, connections=6000, requests=40_000_000)
    found = {item.what: item.usd for item in bill(Candidate.CLOUDFRONT, chat, "x86_64")}
    assert found["2.00 LCU"] == pytest.approx(2 * 730 * 0.008)
    assert found["CloudFront requests"] == pytest.approx(6000 / 3600 * 730 * 3600 / 1e6)
    assert tasks_of(workload(long_connections=True, longest_seconds=3600, connections=1_000_000)) > 100


def tasks_of(load: Workload) -> float:
    found = size(Candidate.SERVICE, load, "x86_64")
    assert found
    return found.average


def test_a_burst_does_not_raise_the_cost_of_a_worker_with_a_queue() -> None:
    calm = workload(start_seconds=3600, requests=1_000_000, duration_ms={"x86_64": 5000})
    burst = calm._replace(peak_per_second=20)
    assert total(Candidate.WORKER, calm, "x86_64") == total(Candidate.WORKER, burst, "x86_64")


def test_measured_cpu_leaves_the_rest_of_the_duration_to_waiting() -> None:
    load = workload(duration_ms={"x86_64": 300_000}, cpu_ms=3000)
    share = 3 / (512 / 1769) / 300
    assert load.computing("x86_64") == pytest.approx(share)
    assert load.task_seconds("x86_64", 1) == pytest.approx(300 * (1 - share) + 3)


def test_a_task_per_job_cannot_answer_a_caller() -> None:
    called = choose(workload(front_door="function-url", start_seconds=600))
    assert all("called" in [why.name for why in one.violations] for one in called if one.candidate in JOBS)


def test_nearly_all_rare_requests_have_a_cold_start() -> None:
    assert workload(requests=30).cold_share > 0.99
    assert workload(requests=1_000_000).cold_share == 0.01
    assert workload(requests=30, cold_share=0.5).cold_share == 0.5


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (
            {"front_door": "websocket-api", "long_connections": True, "payload_in_mb": 3},
            "websocket_api.message_mb",
        ),
        ({"front_door": "alb", "payload_in_mb": 3}, "alb.function_response_mb"),
        ({"payload_in_mb": 3}, "lambda.event_mb"),
    ],
)
def test_the_limits_of_what_invokes_a_function_rule_it_out(asked: dict[str, Any], name: str) -> None:
    function = next(one for one in choose(workload(**asked)) if one.candidate is Candidate.LAMBDA)
    assert name in [why.name for why in function.violations]


@pytest.mark.parametrize("candidate", sorted(JOBS))
def test_a_job_has_one_task_whatever_its_size(candidate: Candidate) -> None:
    found = size(candidate, workload(task_vcpus=4, task_memory_gb=8), "x86_64")
    assert found
    assert (found.vcpus, found.tasks) == (4, (1,))
