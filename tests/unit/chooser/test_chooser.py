"""“Lambda or Fargate?”: figures checked by hand, to the cent; what always holds; and what people are told."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chooser import costs, page
from chooser.__main__ import main
from chooser.choose import break_even, choose, sentence
from chooser.costs import Candidate, items, lambda_gb_seconds, task_size, tasks_needed, total
from chooser.prices import Price, as_of, prices, stale
from chooser.report import against
from chooser.workload import RANGES, Workload, WorkloadError, parse
from runtime.placement.limits import FARGATE_SIZES, Limit, limits

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
SMALL = {
    "name": "small",
    "requests": 1_000_000,
    "memory_mb": 512,
    "duration_ms": {"x86_64": 100, "arm64": 100},
}


def workload(**named: Any) -> Workload:
    return parse({**SMALL, **named})


def test_a_service_behind_a_public_load_balancer_and_its_lambda_requests() -> None:
    assert round(page.service_month(4), 2) == 67.07
    assert int(page.service_month(4) / page.lambda_request(1769, 500) / 1e4) / 100 == 4.59


def test_a_service_behind_this_projects_internal_one() -> None:
    assert round(page.service_month(2), 2) == 59.77
    assert round(page.service_month(2) / page.lambda_request(1769, 500) / 1e6, 2) == 4.09


def test_a_busy_vcpu_hour() -> None:
    assert round(page.busy_ratio(), 2) == 2.10
    assert round(page.busy_ratio("arm64"), 2) == 2.10


def test_a_task_of_twenty_minutes() -> None:
    assert round(page.task_job(20), 4) == 0.0165


def test_the_bills_say_the_same_as_the_hand() -> None:
    load = workload(task_vcpus=0.5, task_memory_gb=1, load_balancer="public", addresses=4, log_kb=0)
    found = {item.what: item.usd for item in items(Candidate.SERVICE, load, "x86_64")}
    fixed = sum(usd for what, usd in found.items() if "LCU" not in what)
    assert round(fixed, 2) == 67.07
    job = workload(
        requests=1,
        memory_mb=1769,
        duration_ms={"x86_64": 1_200_000},
        task_memory_gb=2,
        longest_seconds=1200,
        addresses=0,
    )
    assert round(items(Candidate.RUN_TASK, job, "x86_64")[0].usd, 4) == 0.0165
    function = workload(memory_mb=1769, duration_ms={"x86_64": 500}, cold_share=0, log_kb=0)
    assert round(total(Candidate.LAMBDA, function, "x86_64") * 4.5947, 2) == 67.07


@pytest.mark.parametrize("candidate", Candidate)
@given(
    requests=st.floats(0, 1e10),
    more=st.floats(0, 1e10),
    duration=st.floats(1, 1e6),
    memory=st.floats(128, 30_000),
    free=st.booleans(),
)
def test_more_requests_never_cost_less(
    candidate: Candidate, requests: float, more: float, duration: float, memory: float, free: bool
) -> None:
    load = workload(requests=requests, duration_ms={"x86_64": duration}, memory_mb=memory, disk_mb=5000)
    costlier = load._replace(requests=requests + more)
    before, after = (total(candidate, one, "x86_64", free=free) for one in (load, costlier))
    assert after >= before - 1e-9 * abs(before)


@given(duration=st.integers(1, 10**6), requests=st.floats(1, 1e9))
def test_twice_the_duration_is_twice_the_gb_seconds(duration: int, requests: float) -> None:
    once = lambda_gb_seconds(workload(requests=requests, duration_ms={"arm64": duration}), "arm64")
    twice = lambda_gb_seconds(workload(requests=requests, duration_ms={"arm64": 2 * duration}), "arm64")
    assert twice == pytest.approx(2 * once)


@settings(max_examples=60)
@given(memory=st.floats(128, 10_000), duration=st.floats(1, 10_000))
def test_the_break_even_is_where_the_two_costs_cross(memory: float, duration: float) -> None:
    load = workload(memory_mb=memory, duration_ms={"x86_64": duration})
    crossing = break_even(load, Candidate.LAMBDA, Candidate.SERVICE, "x86_64")
    assert crossing is not None

    def gap(requests: float) -> float:
        at = load._replace(requests=requests)
        return total(Candidate.LAMBDA, at, "x86_64") - total(Candidate.SERVICE, at, "x86_64")

    assert gap(crossing * (1 - 1e-6)) < 0 <= gap(crossing)


@given(
    longest=st.floats(0.2, 1e7),
    memory=st.floats(128, 1e6),
    disk=st.floats(0, 1e6),
    payload=st.floats(0, 100),
    gpu=st.booleans(),
    connections=st.booleans(),
)
def test_nothing_beyond_a_hard_limit_is_ever_recommended(
    longest: float, memory: float, disk: float, payload: float, gpu: bool, connections: bool
) -> None:
    load = workload(
        longest_seconds=longest,
        memory_mb=memory,
        disk_mb=disk,
        payload_out_mb=payload,
        gpu=gpu,
        long_connections=connections,
    )
    for verdict in choose(load):
        if not verdict.possible:
            assert verdict.against
            continue
        if verdict.candidate is Candidate.LAMBDA:
            assert longest <= 900
            assert memory <= 10_240
            assert disk <= 10_240
            assert payload <= 6
            assert not gpu
            assert not connections
        if verdict.candidate is Candidate.MANAGED:
            assert memory <= 8192
            assert not gpu
        if verdict.candidate is Candidate.SERVICE:
            assert memory <= 249_856
            assert disk <= 200 * 1024
            assert not gpu
    best = choose(load)[0]
    assert ("ruled out" in sentence([best])) is not best.possible


def test_no_number_is_without_source_date_and_confidence() -> None:
    numbers: list[Price | Limit] = [*prices().values(), *limits().values()]
    for found in numbers:
        assert found.source.startswith("https://"), found.name
        assert date(2026, 1, 1) <= found.date <= as_of(), found.name
        assert found.confidence in ("official", "secondary", "unverified"), found.name


def test_every_item_names_the_prices_that_it_comes_from() -> None:
    for candidate in Candidate:
        for item in items(candidate, workload(payload_out_mb=1, internet=True, disk_mb=40_000), "x86_64"):
            assert item.prices
            assert {*item.prices} <= {*prices()}


def test_what_is_unverified_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(ROOT / "examples" / "nightly-report.toml"), "--compare"]) == 0
    assert "unverified: fargate_spot_vcpu_hour_arm64" in capsys.readouterr().out


def test_prices_warn_when_they_are_older_than_180_days() -> None:
    assert stale(as_of() + timedelta(days=180)) == ""
    assert "181 days ago" in stale(as_of() + timedelta(days=181))


def test_a_service_carries_its_busiest_hour_and_has_two_tasks_in_production() -> None:
    night = [0] * 12 + [1] * 12
    load = workload(requests=50_000_000, memory_mb=1769, duration_ms={"x86_64": 100}, hours=night)
    peak = -(-50_000_000 / (730 * 3600) * 2 * 0.1 // costs.BUSY)
    assert tasks_needed(load, "x86_64") == [peak] * 24
    assert tasks_needed(load._replace(autoscaling=True), "x86_64") == [2] * 12 + [peak] * 12
    assert tasks_needed(workload(), "x86_64") == [2] * 24
    assert tasks_needed(workload(production=False), "x86_64") == [1] * 24


@given(vcpus=st.floats(0.25, 32), gigabytes=st.floats(0.5, 244))
def test_a_task_is_of_a_size_that_fargate_has(vcpus: float, gigabytes: float) -> None:
    cpu, memory = task_size(workload(task_vcpus=vcpus, task_memory_gb=gigabytes))
    assert round(memory * 1024) in FARGATE_SIZES[round(cpu * 1024)]


@pytest.mark.parametrize("free", [False, True])
def test_the_free_tier_takes_off_what_it_says(free: bool) -> None:
    load = workload(requests=900_000, memory_mb=128, duration_ms={"x86_64": 100}, log_kb=0)
    assert (total(Candidate.LAMBDA, load, "x86_64", free=free) == 0) is free


def test_an_instance_that_has_no_price_here_is_not_recommended() -> None:
    for load, architecture in ((workload(duration_ms={"x86_64": 100}), ""), (workload(), "x86_64")):
        (managed,) = (v for v in choose(load, architecture=architecture) if v.candidate is Candidate.MANAGED)
        assert [bound.name for bound, _ in managed.against] == ["managed_instances.priced_x86_64"]


def test_more_jobs_than_fargate_starts_are_not_given_to_it() -> None:
    load = workload(requests=60_000_000, start_seconds=600)
    assert 20 < max(load.a_second) < 24
    (job,) = (v for v in choose(load) if v.candidate is Candidate.RUN_TASK)
    assert [bound.name for bound, _ in job.against] == ["run_task.starts_a_second"]


def test_a_services_tasks_pay_for_their_disk() -> None:
    more = total(Candidate.SERVICE, workload(disk_mb=200 * 1024), "x86_64")
    assert more - total(Candidate.SERVICE, workload(), "x86_64") == pytest.approx(2 * 180 * 0.000111 * 730)


def test_a_month_of_nothing_is_answered_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "none.toml").write_text(
        EXAMPLES[0].read_text().replace("requests = 5_000_000", "requests = 0")
    )
    assert main([str(tmp_path / "none.toml"), "--plot", str(tmp_path / "none.svg")]) == 0
    assert "$0.00 a month" in capsys.readouterr().out


def test_a_million_of_them_cost_what_they_use_and_not_what_stands() -> None:
    load = workload(memory_mb=1769, duration_ms={"x86_64": 500}, cold_share=0, log_kb=0, requests=5)
    assert costs.a_million(Candidate.LAMBDA, load, "x86_64") == pytest.approx(14.6, abs=0.01)
    hours = 1e6 * 0.5 / 3600
    assert costs.a_million(Candidate.SERVICE, load, "x86_64") == pytest.approx(
        hours / costs.BUSY * (0.04048 + 2 * 0.004445)
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"request": 1}, "request: no such key"),
        ({"requests": "many"}, "requests = 'many': a number from 0 to 1e+12"),
        ({"requests": -1}, "requests = -1"),
        ({"requests": True}, "requests = True"),
        ({"requests": float("nan")}, "requests = nan"),
        ({"memory_mb": 0}, "memory_mb = 0: a number from 128"),
        ({"cpu_share": 1.1}, "cpu_share = 1.1: a number from 0.01 to 1"),
        ({"duration_ms": 100}, "duration_ms = 100: milliseconds for x86_64 or arm64"),
        ({"duration_ms": {"sparc": 1}}, "x86_64 or arm64"),
        ({"duration_ms": {"arm64": 0}}, "numbers over 0"),
        ({"duration_ms": {"arm64": "1s"}}, "in milliseconds"),
        ({"hours": [1, 2]}, "24 weights"),
        ({"hours": [0] * 24}, "not all 0"),
        ({"hours": [1e308] * 24}, "24 weights"),
        ({"hours": [10**400] * 24}, "24 weights"),
        ({"gpu": "yes"}, "true or false"),
        ({"load_balancer": "cloud"}, "public, internal, none"),
        ({"longest_seconds": 0.05}, "shorter than duration_ms"),
        ({"name": ""}, "a text is wanted"),
    ],
)
def test_a_wrong_workload_names_the_key_and_what_is_allowed(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(WorkloadError) as error:
        workload(**wrong)
    assert says in str(error.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(WorkloadError, match="requests, duration_ms, memory_mb: missing"):
        parse({"name": "nothing"})


def test_every_number_has_a_range() -> None:
    numbers = {name for name, kind in Workload.__annotations__.items() if str(kind) == "float"}
    assert numbers <= {*RANGES}


def test_what_only_a_longer_start_would_allow_is_named_with_its_price() -> None:
    """One second is the default, and work that may wait is cheaper elsewhere."""
    load = workload(requests=50_000, duration_ms={"x86_64": 8000}, memory_mb=20_480)
    best, *rest = choose(load)
    said = sentence([best, *rest])
    assert (best.candidate, best.possible) == (Candidate.SERVICE, True)
    assert "if it may take 45 s (start_seconds), task a job, Spot costs $" in said
    assert said.endswith("Nothing else is possible as it is asked.")
    spot = next(one for one in rest if one.candidate is Candidate.RUN_TASK_SPOT)
    assert against(spot).startswith("starts in 45 s, wanted within 1 s")
    patient = choose(load._replace(start_seconds=60))
    assert patient[0].candidate is Candidate.RUN_TASK_SPOT
    assert "start_seconds" not in sentence(patient)
