"""What authors of public write-ups report, and what the chooser says of the same workload."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from chooser import page
from chooser.candidates import FUNCTIONS, Candidate, bill
from chooser.choose import break_even, choose
from chooser.keys import load

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples" / "public"
REPORTED: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "chooser" / "reported.toml").read_text())


def test_each_case_has_its_report_and_its_source() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == {*REPORTED}
    assert len(REPORTED) >= 16
    for path in FOLDER.glob("*.toml"):
        assert path.read_text().startswith("# "), path
        assert "# Seen there: " in path.read_text(), path


@pytest.mark.parametrize("name", REPORTED)
def test_the_cheaper_side_is_the_one_that_the_author_reports(name: str) -> None:
    reported = REPORTED[name]
    best = choose(load(str(FOLDER / f"{name}.toml")), free=reported.get("free", False))[0]
    assert best.possible
    assert (best.candidate in FUNCTIONS) is (reported["cheaper"] == "lambda")


@pytest.mark.parametrize("name", [name for name, one in REPORTED.items() if "lambda" in one])
def test_lambda_costs_what_they_report_within_one_percent(name: str) -> None:
    reported = REPORTED[name]
    items = bill(
        Candidate.LAMBDA,
        load(str(FOLDER / f"{name}.toml")),
        "x86_64",
        free=reported.get("free", False),
    )
    counted = ("GB-s of",) if reported.get("only") else ("GB-s of", "invocations")
    ours = sum(item.usd for item in items if any(word in item.what for word in counted))
    assert ours == pytest.approx(reported["lambda"], rel=0.01)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("api-behind-rest", 6e6, 8e6), ("api-50m-requests", 24e6, 28e6), ("api-256-mb", 15e6, 21e6)],
)
def test_the_break_even_is_where_the_author_puts_it(name: str, low: float, high: float) -> None:
    pair = ((Candidate.LAMBDA, "x86_64"), (Candidate.SERVICE, "x86_64"))
    crossing = break_even(load(str(FOLDER / f"{name}.toml")), *pair)
    assert crossing
    assert low <= crossing.requests <= high
    assert (crossing.below, crossing.above) == (Candidate.LAMBDA, Candidate.SERVICE)


@pytest.mark.parametrize(
    "name", [name for name, one in REPORTED.items() if "lambda" not in one and "tasks" not in one]
)
def test_a_case_without_a_comparable_figure_is_listed_on_the_page(name: str) -> None:
    assert name in page.blocks()["public"]
