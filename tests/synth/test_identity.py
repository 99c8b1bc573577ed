"""What cannot be changed after a first deploy: names, zones, and imports between stacks."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest

from app import STACKS, compose
from stacks.constructs.partition import OTHERS
from stacks.network import Network
from stacks.settings import Settings
from tests.support.settings import SETTINGS, complete
from tests.synth.conftest import CONTEXT, Template, resources, templates

PLACES = [
    ("lof", "sandbox", "us-east-1"),
    ("lof", "production", "us-east-1"),
    ("lof", "sandbox", "eu-west-1"),
    ("other", "sandbox", "us-east-1"),
]
"""Prefix, stage and Region: the app can be deployed in all of them at once, in one account."""
ALIAS = "AWS::Lambda::Alias"
"""A type whose names are unique within their function only."""
GLOBAL = "AWS::CloudFront::"
"""Prefix of types whose names must be unique in an account; all other names here, only within a Region."""


def in_region(value: Any, region: str) -> Any:
    """Return a value with the Region filled in, as CloudFormation resolves it."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return separator.join(str(in_region(part, region)) for part in parts)
        case {"Ref": "AWS::Region"}:
            return region
    return value


def names(template: Template, region: str) -> Iterator[tuple[str, str]]:
    """Yield scope and name of explicitly named resources, exports, and custom metrics that alarms watch."""
    for one in resources(template, "AWS::ECS::TaskDefinition").values():
        yield f"{region} task definition", one["Properties"]["Family"]
    for logical_id, one in template["Resources"].items():
        configs = [one.get("Properties", {}), *one.get("Properties", {}).values()]
        for config in configs:
            is_named = isinstance(config, dict) and "Name" in config
            if is_named and not logical_id.startswith("Alarms") and one["Type"] != ALIAS:
                scope = one["Type"] if one["Type"].startswith(GLOBAL) else f"{region} {one['Type']}"
                yield scope, str(in_region(config["Name"], region))
    for output in template.get("Outputs", {}).values():
        if "Export" in output:
            yield f"{region} export", str(in_region(output["Export"]["Name"], region))
    for alarm in resources(template, "AWS::CloudWatch::Alarm").values():
        if not str(alarm["Properties"].get("Namespace", "AWS/")).startswith("AWS/"):
            yield (
                f"{region} alarm on",
                f"{alarm['Properties']['Namespace']} {alarm['Properties']['MetricName']}",
            )


def test_every_kind_of_account_wide_name_is_compared() -> None:
    scopes = {
        scope
        for stack in ("FargatePattern", "LambdaService", "HybridPattern", "QueuePattern")
        for scope, _ in names(templates(views="on")[stack], "us-east-1")
    }
    assert any(scope.endswith("alarm on") for scope in scopes)
    kinds = {scope.removeprefix(GLOBAL) for scope in scopes if scope.startswith(GLOBAL)}
    assert kinds == {"CachePolicy", "Function", "OriginAccessControl", "RealtimeLogConfig", "VpcOrigin"}


def test_no_name_is_shared_by_two_prefixes_two_stages_or_two_regions() -> None:
    taken: dict[tuple[str, str], set[tuple[str, str, str]]] = {}
    for prefix, stage, region in PLACES:
        made = templates(prefix=prefix, stage=stage, views="on")
        of_place = {name for stack in STACKS for name in names(made[stack], region)}
        for name in of_place:
            taken.setdefault(name, set()).add((prefix, stage, region))
    assert {name: places for name, places in taken.items() if len(places) > 1} == {}


def test_cloudfronts_names_stay_within_64_characters() -> None:
    for template in templates(prefix="abcdefghij", stage="production", views="on").values():
        for scope, name in names(template, "ap-northeast-1"):
            assert not scope.startswith(GLOBAL) or len(name) <= 64, name


def assembly(folder: Path, **settings: str) -> Any:
    context = {**CONTEXT, **settings}
    app = cdk.App(context=context, outdir=str(folder))
    compose(app, Settings.from_context(context))
    return app.synth()


@pytest.mark.parametrize("stage", ["sandbox", "production"])
def test_in_production_no_stack_can_be_deleted_by_mistake(tmp_path: Path, stage: str) -> None:
    found = {one.hierarchical_id: one for one in assembly(tmp_path, stage=stage).stacks}
    assert {*found} == {*STACKS}
    for name, one in found.items():
        assert one.termination_protection is (stage == "production")
        assert one.stack_name == Settings.from_context({"stage": stage}).stack_name(name)


def test_no_protection_stops_a_destroy_half_way() -> None:
    text = json.dumps(templates(stage="production"))
    assert '"deletion_protection.enabled", "Value": "true"' not in text


def exported(network: Template) -> frozenset[tuple[str, str]]:
    """Return name and value of each export, without the stack's name."""
    outputs = (one for one in network["Outputs"].values() if "Export" in one)
    return frozenset((one["Export"]["Name"].partition(":")[2], json.dumps(one["Value"])) for one in outputs)


def network_alone(folder: Path) -> Template:
    """Return Network's template, synthesised without the stacks that import from it."""
    app = cdk.App(context=CONTEXT, outdir=str(folder))
    Network(app, "Network", settings=Settings.from_context(CONTEXT))
    (stack,) = app.synth().stacks
    return dict(stack.template)


@pytest.mark.slow
def test_references_are_strong_and_exports_are_the_same_with_any_settings(tmp_path: Path) -> None:
    exports = {exported(network_alone(tmp_path))}
    for settings in SETTINGS:
        found = templates(**complete(settings))
        assert "Fn::GetStackOutput" not in json.dumps(found)
        exports.add(exported(found["Network"]))
    (only,) = exports
    assert len(only) == 5, "the VPC, two subnets of tasks, two of load balancers"
    imported = {name for name, template in templates().items() if "Fn::ImportValue" in json.dumps(template)}
    assert imported == {"FargatePattern", "HybridPattern", "QueuePattern"}


def test_zones_are_those_that_are_chosen_and_the_first_two_otherwise() -> None:
    for egress in ("public-ip", "nat", "endpoints"):
        subnets = resources(
            templates(egress=egress, zones="use1-az4,use1-az6")["Network"], "AWS::EC2::Subnet"
        )
        chosen = [one["Properties"].get("AvailabilityZoneId") for one in subnets.values()]
        assert len(chosen) == (6 if egress == "nat" else 4)
        assert {*chosen} == {"use1-az4", "use1-az6"}
        assert not any("AvailabilityZone" in one["Properties"] for one in subnets.values())
    subnets = resources(templates()["Network"], "AWS::EC2::Subnet")
    assert all("AvailabilityZone" in one["Properties"] for one in subnets.values())


@pytest.mark.parametrize(
    ("region", "stacks"),
    [
        ("us-east-1", set()),
        ("eu-south-2", {"LambdaService"}),
        ("cn-north-1", {"FargatePattern", "LambdaService", "HybridPattern", "QueuePattern"}),
    ],
)
def test_each_stack_that_its_region_cannot_run_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str, stacks: set[str]
) -> None:
    monkeypatch.setenv("CDK_DEFAULT_REGION", region)
    assembly(tmp_path)
    written = "".join(file.read_text() for file in tmp_path.glob("*.json") if "template" not in file.name)
    said = {
        name for name in STACKS if re.search(rf'"{name} needs a distribution with [^"]*{region}', written)
    }
    assert said == stacks


def test_only_regions_of_other_partitions_match_the_pattern_for_them() -> None:
    session = botocore.session.get_session()
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("s3", partition):
            assert bool(OTHERS.match(region)) is (partition != "aws"), region


def test_zones_without_vpc_origins_are_refused_for_the_one_stack_that_needs_them() -> None:
    found = templates(zones="use1-az1,use1-az3")
    (assertion,) = found["FargatePattern"]["Rules"]["Zones"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}]}
    assert "no VPC origins in use1-az3." in assertion["AssertDescription"]
    rules = {name for name, template in found.items() if "Zones" in template.get("Rules", {})}
    assert rules == {"FargatePattern"}
    assert "Zones" not in templates(zones="use1-az1,use1-az2")["FargatePattern"].get("Rules", {})
