"""Idle costs agree with calculations by hand, with the templates, and with the docs."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from chooser.page import PAGES
from chooser.prices import REGION, file_of, month, prices
from container.service.metrics import Metric, Metrics
from stacks.network import ENDPOINTS
from tests.synth.conftest import Synth, only, resources, synthesise
from tools.commands import at_rest, backfill_plan, figures, formats

GAUGES = dict.fromkeys((Metric.CACHE_BYTES, Metric.CACHE_HITS, Metric.DECODES, Metric.WAITING), 0.0)


@pytest.fixture
def synth() -> Synth:
    return synthesise


def total(**settings: Any) -> float:
    return sum(item.usd for item in at_rest.items(**settings))


def test_the_idle_cost_of_a_sandbox_agrees_with_a_calculation_by_hand() -> None:
    compute = 730 * (0.5 * 0.03238 + 2 * 0.00356)
    rest = 730 * 0.0225 + 12 * 0.10 + 9 * 0.30 + 730 * 0.005
    assert total(stage="sandbox", egress="public-ip", architecture="arm64") == pytest.approx(compute + rest)


def test_the_cost_of_two_nat_gateways_agrees_with_a_calculation_by_hand() -> None:
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
    ours = alarm_metrics(template)
    scaling = len(resources(template, "AWS::ApplicationAutoScaling::ScalingPolicy"))
    assert ours + 2 * scaling == at_rest.ALARM_METRICS
    metrics = Metrics(namespace="a")
    metrics.answered(200, 1)
    assert metrics.line(GAUGES).count('"Unit"') == at_rest.METRICS


def alarm_metrics(template: dict[str, Any]) -> int:
    alarms = resources(template, "AWS::CloudWatch::Alarm").values()
    return sum(
        sum("MetricStat" in one for one in a["Properties"].get("Metrics", [{"MetricStat": 1}]))
        for a in alarms
    )


def test_the_other_patterns_alarms_are_those_of_their_templates(synth: Synth) -> None:
    assert alarm_metrics(synth("LambdaPattern")) == at_rest.LAMBDA_ALARM_METRICS
    assert alarm_metrics(synth("LambdaService")) == at_rest.ANSWER_ALARM_METRICS
    assert alarm_metrics(synth("HybridPattern")) == at_rest.HYBRID_ALARM_METRICS
    assert alarm_metrics(synth("QueuePattern")) == at_rest.QUEUE_ALARM_METRICS
    assert alarm_metrics(synth("StreamPattern")) == at_rest.STREAM_ALARM_METRICS
    gb_seconds = 730 * 3600 * 1769 / 1024
    assert at_rest.function("off") == pytest.approx(0.60)
    assert at_rest.function("provisioned") == pytest.approx(0.60 + gb_seconds * 0.0000033334)
    assert at_rest.function("snapstart") == pytest.approx(0.60 + gb_seconds * 0.0000015046)
    assert at_rest.stream("provisioned") == pytest.approx(730 * 0.015 + 1.10)
    assert at_rest.stream("on-demand") == pytest.approx(730 * 0.04 + 1.10)
    assert at_rest.standing(at_rest.HYBRID_ALARM_METRICS, at_rest.HYBRID_METRICS) == pytest.approx(3.10)


def test_every_price_has_its_source_date_and_confidence() -> None:
    for price in prices().values():
        assert price.usd > 0 or price.name == "function_url_million_requests"
        assert price.source.startswith("https://aws.amazon.com/"), price
        assert isinstance(price.date, date)
        assert price.confidence in ("official", "secondary", "unverified")
        assert (price.low is None) is (price.high is None) is (price.confidence != "unverified"), price
        assert price.low is None or price.high is None or price.low <= price.usd <= price.high, price
        assert re.search(
            "_(hour|month|second|share|gb|requests|messages|minutes|writes|reads|puts|gets|transitions)|million",
            price.name,
        )
    assert tomllib.loads(Path(file_of(REGION)).read_text())["region"] == "us-east-1"
    assert month("alarm_month") == 0.10


def test_the_figures_in_the_docs_are_those_of_the_code() -> None:
    for page in PAGES:
        assert figures.filled(page.read_text()) == page.read_text(), "python3 dev.py figures"
    text = "".join(page.read_text() for page in PAGES)
    made = {*at_rest.blocks(), *formats.blocks(), *backfill_plan.blocks()}
    assert {name for _, _, name, _ in figures.MARKED.findall(text)} == made
