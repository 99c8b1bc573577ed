"""What is billed at rest: by hand, against the template, and in the docs."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from chooser import fixed
from chooser.prices import FILE, month, prices
from container.service.metrics import Metric, Metrics
from tests.synth.conftest import Synth, only, resources, synthesise

DOCS = Path(__file__).parents[2] / "docs"
GAUGES = dict.fromkeys((Metric.CACHE_BYTES, Metric.CACHE_HITS, Metric.DECODES, Metric.WAITING), 0.0)


@pytest.fixture
def synth() -> Synth:
    return synthesise


def total(**settings: str) -> float:
    return sum(item.usd for item in fixed.items(**settings))


def test_a_sandbox_by_hand() -> None:
    compute = 730 * (0.5 * 0.03238 + 2 * 0.00356)
    rest = 730 * 0.0225 + 12 * 0.10 + 9 * 0.30 + 730 * 0.005
    assert total(stage="sandbox", egress="public-ip", architecture="arm64") == pytest.approx(compute + rest)


def test_two_nat_gateways_and_their_addresses_by_hand() -> None:
    production = {"stage": "production", "architecture": "x86_64"}
    more = total(egress="nat", **production) - total(egress="public-ip", **production)
    assert more == pytest.approx(730 * 2 * (0.045 + 0.005) - 730 * 2 * 0.005)


@pytest.mark.parametrize("stage", ["sandbox", "production"])
def test_the_sizes_are_those_of_the_template(synth: Synth, stage: str) -> None:
    template = synth("FargatePattern", stage=stage)
    task = only(template, "AWS::ECS::TaskDefinition")
    least = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"]
    assert (least, int(task["Cpu"]) / 1024, int(task["Memory"]) / 1024) == fixed.SIZES[stage]
    nats = synth("Network", stage=stage, egress="nat")
    assert len(resources(nats, "AWS::EC2::NatGateway")) == (2 if stage == "production" else 1)
    interfaces = [
        one
        for one in resources(
            synth("Network", stage=stage, egress="endpoints"), "AWS::EC2::VPCEndpoint"
        ).values()
        if one["Properties"].get("VpcEndpointType") == "Interface"
    ]
    assert len(interfaces) == fixed.ENDPOINTS


def test_the_metrics_that_are_billed_are_those_of_alarms_and_service(synth: Synth) -> None:
    template = synth("FargatePattern")
    alarms = resources(template, "AWS::CloudWatch::Alarm").values()
    ours = sum(
        sum("MetricStat" in one for one in a["Properties"].get("Metrics", [{"MetricStat": 1}]))
        for a in alarms
    )
    scaling = len(resources(template, "AWS::ApplicationAutoScaling::ScalingPolicy"))
    assert ours + 2 * scaling == fixed.ALARM_METRICS
    metrics = Metrics()
    metrics.answered(200, 1)
    assert metrics.line(GAUGES).count('"Unit"') == fixed.METRICS


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
    shown = text.partition("<!-- python -m chooser.fixed -->\n")[2].partition("\n<!-- end -->")[0]
    assert shown == f"{fixed.table('arm64')}\n\n{fixed.table('x86_64')}"
