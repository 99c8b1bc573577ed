"""What is billed at rest: by hand, against the template, and in the docs."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from chooser.prices import FILE, month, prices
from container.service.metrics import Metric, Metrics
from stacks.network import ENDPOINTS
from tests.synth.conftest import Synth, only, resources, synthesise
from tools.commands import at_rest

DOCS = Path(__file__).parents[3] / "docs"
GAUGES = dict.fromkeys((Metric.CACHE_BYTES, Metric.CACHE_HITS, Metric.DECODES, Metric.WAITING), 0.0)


@pytest.fixture
def synth() -> Synth:
    return synthesise


def total(**settings: Any) -> float:
    return sum(item.usd for item in at_rest.items(**settings))


def test_a_sandbox_by_hand() -> None:
    compute = 730 * (0.5 * 0.03238 + 2 * 0.00356)
    rest = 730 * 0.0225 + 12 * 0.10 + 9 * 0.30 + 730 * 0.005
    assert total(stage="sandbox", egress="public-ip", architecture="arm64") == pytest.approx(compute + rest)


def test_two_nat_gateways_and_their_addresses_by_hand() -> None:
    production: dict[str, Any] = {"stage": "production", "architecture": "x86_64"}
    more = total(egress="nat", **production) - total(egress="public-ip", **production)
    assert more == pytest.approx(730 * 2 * (0.045 + 0.005) - 730 * 2 * 0.005)


@pytest.mark.parametrize("stage", ["sandbox", "production"])
def test_the_tasks_and_gateways_are_those_of_the_template(synth: Synth, stage: at_rest.Stage) -> None:
    template = synth("FargatePattern", stage=stage)
    task = only(template, "AWS::ECS::TaskDefinition")
    least = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"]
    described = f"{least} x {int(task['Cpu']) / 1024:g} vCPU, {int(task['Memory']) / 1024:g} GB, arm64"
    assert described == next(at_rest.items(stage=stage, egress="nat", architecture="arm64")).what
    nats = synth("Network", stage=stage, egress="nat")
    assert len(resources(nats, "AWS::EC2::NatGateway")) == (2 if stage == "production" else 1)
    interfaces = [
        one
        for one in resources(
            synth("Network", stage=stage, egress="endpoints"), "AWS::EC2::VPCEndpoint"
        ).values()
        if one["Properties"].get("VpcEndpointType") == "Interface"
    ]
    assert len(interfaces) == len(ENDPOINTS)


def test_the_metrics_that_are_billed_are_those_of_alarms_and_service(synth: Synth) -> None:
    template = synth("FargatePattern")
    alarms = resources(template, "AWS::CloudWatch::Alarm").values()
    ours = sum(
        sum("MetricStat" in one for one in a["Properties"].get("Metrics", [{"MetricStat": 1}]))
        for a in alarms
    )
    scaling = len(resources(template, "AWS::ApplicationAutoScaling::ScalingPolicy"))
    assert ours + 2 * scaling == at_rest.ALARM_METRICS
    metrics = Metrics(namespace="a")
    metrics.answered(200, 1)
    assert metrics.line(GAUGES).count('"Unit"') == at_rest.METRICS


def test_every_price_has_its_source_date_and_confidence() -> None:
    for price in prices().values():
        assert price.usd > 0
        assert price.source.startswith("https://aws.amazon.com/"), price
        assert isinstance(price.date, date)
        assert price.confidence in ("official", "secondary", "unverified")
        assert re.search("_(hour|month|requests|second_|seconds|second|share|gb)", price.name), price
    assert tomllib.loads(Path(FILE).read_text())["region"] == "us-east-1"
    assert month("alarm_month") == 0.10


def test_the_tables_in_the_docs_are_those_of_the_code() -> None:
    text = (DOCS / "fargate-pattern.md").read_text()
    shown = text.partition("<!-- python -m tools.commands.at_rest -->\n")[2].partition("\n<!-- end -->")[0]
    assert shown == f"{at_rest.table('arm64')}\n\n{at_rest.table('x86_64')}"
