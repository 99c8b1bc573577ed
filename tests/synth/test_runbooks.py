"""Each stack's alarms are in docs/runbooks.md, and each entry can be followed in its alarm's stack."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import STACKS
from tests.synth.conftest import resources, templates

RUNBOOKS = (Path(__file__).parents[2] / "docs" / "runbooks.md").read_text()
ENTRIES = {
    heading.lower().replace(" ", "-"): text
    for heading, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL)
}
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in RUNBOOKS.partition("\n## ")[0].splitlines()
    if line.startswith("|") and "---" not in line
]
APART = {"backfill-failed"}
"""Entries for alarms of stacks that are not in the app; tests/synth/test_backfill.py tests those stacks."""
NAMES, TABLE = [name.strip("`$") for row in ROWS[:1] for name in row[1:]], ROWS[1:]
"""Columns and rows of the table in docs/runbooks.md: which output each name stands for, by alarm."""


def alarms() -> Iterator[tuple[str, str, str]]:
    """Yield stack, the alarm's logical id without the prefix `Alarms`, and the anchor of its entry."""
    for stack in STACKS:
        for name, alarm in resources(templates()[stack], "AWS::CloudWatch::Alarm").items():
            anchor = alarm["Properties"]["AlarmDescription"].partition("docs/runbooks.md#")[2]
            yield stack, name.removeprefix("Alarms"), anchor


def output_of(name: str, stack: str, alarm: str) -> str:
    """Return the output that a name in capitals stands for in an alarm's entry."""
    for row in TABLE:
        table_stack, _, prefixes = row[0].partition(": ")
        if name in NAMES and stack == table_stack and alarm.startswith(tuple(prefixes.split(", "))):
            return row[1 + NAMES.index(name)]
    return "".join(part.capitalize() for part in name.split("_"))


def test_every_alarm_links_to_its_entry_and_every_entry_has_an_alarm() -> None:
    assert {anchor for _, _, anchor in alarms()} == {*ENTRIES} - APART


@pytest.mark.parametrize(("stack", "alarm", "anchor"), [*alarms()])
def test_every_output_that_an_entry_uses_exists_in_the_alarms_stack(
    stack: str, alarm: str, anchor: str
) -> None:
    commands = "".join(re.findall(r"```console\n(.*?)```", ENTRIES[anchor], re.DOTALL))
    names = {*re.findall(r"\$([A-Z_]{3,})", commands)}
    wanted = {output_of(name, stack, alarm) for name in names}
    assert wanted <= {*templates()[stack]["Outputs"]}, (names, wanted)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_every_row_of_the_table_names_existing_alarms_and_outputs(row: list[str]) -> None:
    stack, _, prefixes = row[0].partition(": ")
    names = [alarm for of, alarm, _ in alarms() if of == stack]
    for prefix in prefixes.split(", "):
        assert [name for name in names if name.startswith(prefix)]
    assert {*row[1:]} <= {*templates()[stack]["Outputs"]}
