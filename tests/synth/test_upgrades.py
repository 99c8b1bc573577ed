"""A second deploy must not replace resources that hold data, and a review should see what a change does.

The snapshots have a line per resource: UPDATE_SNAPSHOTS=1 pytest tests/synth/test_upgrades.py writes them.
"""

import os
from pathlib import Path

import pytest

from app import STACKS
from tests.synth.conftest import Synth, Template

SNAPSHOTS = Path(__file__).with_name("snapshots")
VERSION, DIGEST = "AWS::Lambda::Version", 32
STATEFUL = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Kinesis::Stream")
FROZEN = {
    "Network": {"FlowLogs16C1943A"},
    "LambdaPattern": {"Source71E471F1", "OutputAB65CDDE"},
    "FargatePattern": {"Source71E471F1", "FrontDoorAccessLogs5339A6AD"},
    "LambdaService": {"Source71E471F1"},
    "HybridPattern": {"Source71E471F1", "OutputAB65CDDE", "JobsDF1CC2D4"},
    "QueuePattern": {"Source71E471F1", "OutputAB65CDDE"},
    "StreamPattern": {"Stream790BDEE4", "ViewsC0DDE3FE", "SetAsideE9ADE97F"},
    "Operations": set[str](),
}
"""Logical ids that must never change: a new id makes a new, empty resource and orphans the old one."""


def summary(template: Template) -> str:
    """Return a line per resource: logical id, type, and what happens to it on removal.

    A Lambda version's id ends with a digest of its function's code and settings, which is left out.
    """
    lines = [
        f"{name[:-DIGEST] if one['Type'] == VERSION else name}  {one['Type'].removeprefix('AWS::')}"
        + (f"  {one['DeletionPolicy'].lower()}" if "DeletionPolicy" in one else "")
        for name, one in template["Resources"].items()
        if one["Type"] != "AWS::CDK::Metadata"
    ]
    return "\n".join(sorted(lines)) + "\n"


@pytest.fixture(scope="module")
def production(synth: Synth) -> dict[str, Template]:
    return {stack: synth(stack, stage="production", flow_logs="on") for stack in STACKS}


@pytest.mark.parametrize("stack", STACKS)
def test_resources_that_hold_data_keep_their_logical_ids(production: dict[str, Template], stack: str) -> None:
    found = {name for name, one in production[stack]["Resources"].items() if one["Type"] in STATEFUL}
    assert found == FROZEN[stack]


@pytest.mark.parametrize("stack", STACKS)
def test_the_resources_are_those_of_the_snapshot(production: dict[str, Template], stack: str) -> None:
    file = SNAPSHOTS / f"{stack}.txt"
    now = summary(production[stack])
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(now)
    assert now == file.read_text(), "If this is intended: run with UPDATE_SNAPSHOTS=1, and read the diff."
