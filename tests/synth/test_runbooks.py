"""Alarms of all stacks, and docs/runbooks.md."""

from pathlib import Path

from tests.synth.conftest import STACKS, Synth, resources

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks.md"


def test_every_alarm_links_to_its_runbook_and_every_runbook_has_an_alarm(synth: Synth) -> None:
    headings = {
        line.removeprefix("## ").lower().replace(" ", "-")
        for line in RUNBOOKS.read_text().splitlines()
        if line.startswith("## ")
    }
    linked = {
        alarm["Properties"]["AlarmDescription"].partition("docs/runbooks.md#")[2]
        for stack in STACKS
        for alarm in resources(synth(stack), "AWS::CloudWatch::Alarm").values()
    }
    assert linked == headings
