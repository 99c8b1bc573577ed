"""Break-even, what would change an answer, and the remarks beside the numbers."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chooser import page
from chooser.candidates import Candidate, total
from chooser.changes import changes
from chooser.choose import break_even, choose
from chooser.keys import parse
from chooser.notes import elsewhere, sizing, unmeasured, warnings
from chooser.report import answer, crossing_in_words
from chooser.workload import Workload

SMALL = {"name": "small", "requests": 1_000_000, "memory_mb": 512, "duration_ms": {"x86_64": 100}}
PAIR = ((Candidate.LAMBDA, "x86_64"), (Candidate.SERVICE, "x86_64"))


def workload(**named: Any) -> Workload:
    return parse({**SMALL, **named})


@settings(max_examples=60, deadline=None)
@given(
    requests=st.floats(1e3, 1e9),
    memory=st.floats(128, 10_000),
    duration=st.floats(1, 10_000),
    share=st.floats(0.05, 1),
    way=st.sampled_from(["none", "http-api", "rest-api"]),
    attempts=st.floats(1, 3),
)
def test_the_break_even_is_where_the_two_bills_cross(
    requests: float, memory: float, duration: float, share: float, way: str, attempts: float
) -> None:
    load = workload(
        requests=requests,
        memory_mb=memory,
        duration_ms={"x86_64": duration},
        cpu_share=share,
        front_door=way,
        load_balancer="public",
        attempts=attempts,
    )
    found = break_even(load, *PAIR)

    def gap(at: float) -> float:
        moved = load.times(at / load.requests)
        return total(Candidate.LAMBDA, moved, "x86_64") - total(Candidate.SERVICE, moved, "x86_64")

    if not found:
        assert (gap(load.requests * 1e3) <= 0) == (gap(load.requests / 1e3) <= 0) == (gap(load.requests) <= 0)
        return
    below, above = found.requests - 1, found.requests + 1
    if below > 1:
        assert (gap(below) <= 0) is (found.below is Candidate.LAMBDA)
        assert (gap(above) <= 0) is (found.above is Candidate.LAMBDA)
    assert found.per_second == pytest.approx(found.requests / (730 * 3600))
    assert found.busy == pytest.approx(found.requests * attempts * -(-duration // 1) / 1000 / (730 * 3600))


def test_candidates_whose_bills_never_cross_have_no_break_even() -> None:
    assert (
        break_even(page.example("scans"), (Candidate.RUN_TASK, "x86_64"), (Candidate.RUN_TASK_SPOT, "x86_64"))
        is None
    )
    assert crossing_in_words(answer(page.example("nightly-report"))).startswith(
        "None: task per job stays cheaper than lambda managed"
    )


def test_an_input_that_flips_the_answer_comes_first_and_does_flip_it() -> None:
    load = workload(requests=150_000_000, cpu_share=0.1, load_balancer="public", front_door="http-api")
    verdicts = choose(load)
    flips, steady = changes(load, verdicts)
    assert verdicts[0].candidate is Candidate.SERVICE
    assert not {one.key for one in flips} & {*steady}
    for one in flips:
        assert one.best.candidate is not Candidate.SERVICE
    many = {"requests", "cold_share", "log_kb", "peak_per_second"}
    assert many <= {one.key for one in flips} | {*steady}


@pytest.mark.parametrize(
    ("more", "key", "then"),
    [
        ({"requests": 60_000_000, "cpu_share": 0.1, "assumed": ["cpu_share"]}, "cpu_share", "1"),
        ({"requests": 8_000_000, "load_balancer": "public"}, "front_door", "rest-api"),
        (
            {"start_seconds": 600, "memory_mb": 6000, "duration_ms": {"x86_64": 600_000}, "requests": 30},
            "interruptible",
            "true",
        ),
    ],
)
def test_each_kind_of_input_is_varied(more: dict[str, Any], key: str, then: str) -> None:
    load = workload(**more)
    flips, steady = changes(load, choose(load))
    named = {(one.key, one.then) for one in flips}
    assert (key, then) in named or key in steady


def test_interruptible_jobs_would_be_cheaper_on_spot() -> None:
    found = answer(page.example("nightly-report"))
    assert [one.key for one in found.flips][:1] == ["interruptible"]
    assert found.flips[0].best.candidate is Candidate.RUN_TASK_SPOT


def test_an_unverified_price_that_decides_is_named() -> None:
    """Just above the break-even of Lambda and tasks behind API Gateway, Cloud Map's price decides."""
    load = workload(cpu_share=0.1, front_door="http-api", internet=True)
    pair = ((Candidate.LAMBDA, "x86_64"), (Candidate.API_GATEWAY, "x86_64"))
    crossing = break_even(load, *pair)
    assert crossing
    beyond = load.times(crossing.requests * 1.005 / load.requests)
    verdicts = choose(beyond)
    assert verdicts[0].candidate is Candidate.API_GATEWAY
    flips, _ = changes(beyond, verdicts)
    assert ("cloud_map_instance_month", "$0.35", Candidate.LAMBDA) in {
        (one.key, one.then, one.best.candidate) for one in flips
    }


def test_a_burst_that_decides_is_named() -> None:
    load = workload(load_balancer="public", front_door="function-url", duration_ms={"x86_64": 500})
    crossing = break_even(load, *PAIR)
    assert crossing
    beyond = load.times(crossing.requests * 1.1 / load.requests)
    verdicts = choose(beyond)
    assert verdicts[0].candidate is Candidate.SERVICE
    flips, _ = changes(beyond, verdicts)
    (burst,) = (one for one in flips if one.key == "peak_per_second")
    assert burst.best.candidate is not Candidate.SERVICE


def test_the_break_even_does_not_depend_on_the_order_of_the_two() -> None:
    load = workload(load_balancer="public", front_door="http-api")
    one, other = break_even(load, *PAIR), break_even(load, *reversed(PAIR))
    assert one
    assert other
    assert (one.below, one.above) == (other.below, other.above) == (Candidate.LAMBDA, Candidate.SERVICE)
    assert one.requests == pytest.approx(other.requests, abs=1)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"requests": 400_000_000}, "a new account starts with 10"),
        ({"requests": 5e10}, "ask for more than the quota of 1,000"),
        ({"requests": 5e10}, "requests per second: a concurrency quota of 1,000 allows 10,000"),
        ({"duration_ms": {"x86_64": 1_200_000}}, "its guide still says 900 s"),
        ({"init_ms": 6000}, "1.0% of requests wait 6 s for a start"),
        ({"payload_out_mb": 50, "internet": True}, "The response is streamed"),
        ({"long_connections": True, "longest_seconds": 9000}, "A WebSocket API ends a connection after 2 h"),
    ],
)
def test_a_function_comes_with_its_quotas_and_doubts(more: dict[str, Any], says: str) -> None:
    load = workload(**more)
    function = next(one for one in choose(load) if one.candidate is Candidate.LAMBDA)
    assert any(says in one for one in warnings(load, function)), [*warnings(load, function)]


@pytest.mark.parametrize(
    ("more", "candidate", "says"),
    [
        ({"requests": 500_000_000, "memory_mb": 1769}, Candidate.SERVICE, "a new account has 6"),
        ({"memory_mb": 1769}, Candidate.SERVICE, "set task_vcpus if that is too slow"),
        ({"requests": 1e7, "peak_per_second": 400}, Candidate.SERVICE, "must be running before it starts"),
        ({"interruptible": True, "start_seconds": 60}, Candidate.RUN_TASK_SPOT, "two minutes' notice"),
        ({"requests": 1e7, "duration_ms": {"x86_64": 9e5}}, Candidate.RUN_TASK, "a new account has 6"),
    ],
)
def test_tasks_come_with_their_quotas_and_doubts(
    more: dict[str, Any], candidate: Candidate, says: str
) -> None:
    load = workload(**more)
    verdict = next(one for one in choose(load) if one.candidate is candidate)
    assert any(says in one for one in warnings(load, verdict)), [*warnings(load, verdict)]


def test_inputs_that_were_not_measured_are_listed() -> None:
    said = " ".join(unmeasured(workload(assumed=["cpu_share"]), late=False))
    assert "Assumed, not measured: cpu_share." in said
    assert "arm64 has no duration_ms" in said
    assert "cold_share, init_ms" in said


@pytest.mark.parametrize(
    ("given", "is_guess"),
    [
        ({}, True),
        ({"long_connections": True}, False),
        ({"long_connections": False}, True),
        ({"events": 1}, False),
    ],
)
def test_that_nothing_calls_it_over_http_is_a_guess_unless_another_input_says_what_does(
    given: dict[str, Any], is_guess: bool
) -> None:
    said = " ".join(unmeasured(workload(**given), late=False))
    assert ("front_door (nothing calls it over HTTP)" in said) is is_guess


@pytest.mark.parametrize("snapstart", [False, True])
def test_snapstart_is_advised_against_slow_starts_unless_it_is_on(snapstart: bool) -> None:
    load = workload(init_ms=2000, start_seconds=1, cold_share=0.005, snapstart=snapstart)
    verdict = next(one for one in choose(load) if one.candidate is Candidate.LAMBDA)
    (said,) = (one for one in warnings(load, verdict) if "provisioned concurrency" in one)
    assert ("SnapStart" in said) is not snapstart


def test_a_default_that_rules_a_candidate_out_is_named() -> None:
    late = "start_seconds (1 s, which rules out what starts later)"
    assert any(late in one for one in answer(workload(events=1)).notes)
    assert not any(late in one for one in answer(workload(start_seconds=60)).notes)


def test_the_tasks_of_an_answer_are_explained() -> None:
    verdict = next(one for one in choose(workload()) if one.candidate is Candidate.SERVICE)
    assert sizing(workload(), verdict).startswith(
        "2 tasks of 0.25 vCPU, 0.5 GB, the cheapest that carries the load"
    )


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"load_balancer": "public", "cpu_share": 0.1}, "Lambda Web Functions"),
        ({"load_balancer": "public"}, "ECS Express Mode"),
        ({"longest_seconds": 7200}, "Lambda MicroVMs"),
        ({"start_seconds": 60}, "AWS Batch"),
        ({"start_seconds": 60}, "Step Functions"),
    ],
)
def test_other_aws_services_are_named_where_they_fit(more: dict[str, Any], says: str) -> None:
    assert any(says in one for one in elsewhere(workload(**more)))
    assert not any("$" in one for one in elsewhere(workload(**more)))


def test_no_change_makes_an_impossible_candidate_the_answer() -> None:
    load = workload(gpu=True, memory_mb=10_000)
    verdicts = choose(load)
    assert not verdicts[0].possible
    flips, _ = changes(load, verdicts)
    assert all(one.best.possible for one in flips)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"memory_mb": 8192, "duration_ms": {"x86_64": 2000}}, "threads"),
        ({"nat_gateways": 2, "load_balancer": "public"}, "function_in_vpc"),
        ({}, "front_door"),
    ],
)
def test_inputs_that_were_not_given_are_varied_too(more: dict[str, Any], key: str) -> None:
    load = workload(**more)
    flips, steady = changes(load, choose(load))
    assert key in {*steady, *(one.key for one in flips)}


def test_the_outermost_crossings_are_reported_where_whole_tasks_make_bills_cross_repeatedly() -> None:
    load = workload(
        requests=4_000_000,
        memory_mb=1769,
        duration_ms={"x86_64": 2000},
        load_balancer="public",
        front_door="http-api",
        log_kb=0,
        cold_share=0,
    )
    found = break_even(load, *PAIR)
    assert found
    assert found.others
    low, high = found.others
    assert low <= found.requests <= high

    def lambda_is_cheaper(at: float) -> bool:
        one, other = (total(pair[0], load.times(at / load.requests), "x86_64") for pair in PAIR)
        return one <= other

    assert lambda_is_cheaper(low * 0.9)
    assert not lambda_is_cheaper(high * 1.1)
