"""Misspelt metrics are found, wherever they occur."""

import json
import re

import pytest

from app import STACKS
from tests.synth.conftest import templates
from tests.synth.metric_rules import metric_is_counted, metrics

NAMED = [
    (stack, name)
    for stack in STACKS
    for name in dict.fromkeys(metric[1] for _, metric in metrics(templates()[stack]))
]


def test_alarms_and_dashboards_have_metrics() -> None:
    assert {stack for stack, _ in NAMED} == {*STACKS} - {"Network"}


@pytest.mark.parametrize(("stack", "name"), NAMED)
def test_a_misspelt_metric_is_found_in_every_alarm_and_dashboard(stack: str, name: str) -> None:
    template = templates()[stack]
    assert not [*metric_is_counted(template)]
    for logical_id in {one for one, metric in metrics(template) if metric[1] == name}:
        resource = json.dumps(template["Resources"][logical_id])
        misspelt = json.loads(re.sub(rf"\b{name}\b", f"{name}s", resource))
        found = [*metric_is_counted({"Resources": {logical_id: misspelt}})]
        assert found, logical_id
        assert all(one.startswith(f"{logical_id}: ") and f"{name}s" in one for one in found)
