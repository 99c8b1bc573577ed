"""The cost of counting a stream's records by a function and by a task, against calculations by hand."""

import pytest

from chooser import streams
from chooser.candidates import Candidate, total
from chooser.keys import load

SECONDS = 730 * 3600

EXAMPLE = load("examples/views.toml")


def test_the_example_is_the_middle_row_of_the_table() -> None:
    made = streams.by_function(EXAMPLE, 20)
    assert made.requests == EXAMPLE.requests == pytest.approx(SECONDS / 10)
    assert made.duration_ms["arm64"] == pytest.approx(EXAMPLE.duration_ms["arm64"])
    assert made.table_writes == pytest.approx(EXAMPLE.table_writes, rel=0.01)
    assert made.cpu_share == pytest.approx(EXAMPLE.cpu_share, abs=0.01)


@pytest.mark.parametrize(
    ("rate", "batches", "writes"),
    [
        (1, 0.1, 2 * (10 / 6 + 1)),
        (500, 0.25, 2 * (2000 / 6 + 4)),  # a batch has at most 2,000 records: a batch every four seconds
    ],
)
def test_a_batch_of_the_function_writes_each_counter_and_a_mark_per_transaction(
    rate: float, batches: float, writes: float
) -> None:
    made = streams.by_function(EXAMPLE, rate)
    assert made.requests == pytest.approx(batches * SECONDS)
    assert made.table_writes == pytest.approx(writes)


def test_the_table_is_most_of_the_functions_cost_at_a_high_rate() -> None:
    made = streams.by_function(EXAMPLE, 500)
    writes = made.requests * made.table_writes * 0.625e-6
    assert 0.9 < writes / total(Candidate.LAMBDA, made, "arm64") < 1


def test_a_task_costs_more_at_a_low_rate_and_less_at_a_high_rate() -> None:
    def sides(rate: float) -> tuple[float, float]:
        function = total(Candidate.LAMBDA, streams.by_function(EXAMPLE, rate), "arm64")
        return function, total(Candidate.WORKER, streams.by_task(EXAMPLE, rate), "arm64")

    few, many = sides(1), sides(500)
    assert few[0] < few[1]
    assert many[0] > many[1]
