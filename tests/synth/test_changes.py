"""Each setting changed and changed back: no resource with data or an address, or slow to create, is replaced.

What requires replacement is read from CloudFormation's resource schemas, in cfn-lint: `createOnlyProperties`
can only be set on a new resource. zones, prefix and stage are chosen once, before the first deploy.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from stacks.settings import Settings
from tests.support.settings import CERTIFICATE
from tests.synth.conftest import resources, templates

KEPT = (
    *("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Logs::LogGroup"),
    "AWS::Kinesis::Stream",
    *("AWS::CloudFront::Distribution", "AWS::CloudFront::VpcOrigin"),
    *("AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup"),
    *("AWS::ECS::Service", "AWS::EC2::VPC", "AWS::EC2::Subnet"),
    *("AWS::Lambda::Url", "AWS::Lambda::Alias"),
)
NEVER_UPDATED = ("AWS::CloudFront::VpcOrigin",)
"""Cannot even be updated in place while in use: https://github.com/aws/aws-cdk/issues/34629"""
CHANGES = {
    "architecture": {"architecture": "x86_64"},
    "egress: nat": {"egress": "nat"},
    "egress: endpoints": {"egress": "endpoints"},
    "flow_logs": {"flow_logs": "on"},
    "waf": {"waf": "on"},
    "max_tasks": {"max_tasks": "9"},
    "domain": {"domain": "images.example.com", "certificate_arn": CERTIFICATE},
    "deployments": {"deployments": "canary"},
    "base_image": {"base_image": "python:3.13"},
    "labels": {"labels": "on"},
    "max_pixels": {"max_pixels": "1000"},
    "max_bytes": {"max_bytes": "1000"},
    "max_scan_pixels": {"max_scan_pixels": "1000"},
    "max_scan_bytes": {"max_scan_bytes": "1000"},
    "videos": {"videos": "on"},
    "max_video_seconds": {"videos": "on", "max_video_seconds": "10"},
    "max_video_bytes": {"videos": "on", "max_video_bytes": "1000"},
    "warm: provisioned": {"warm": "provisioned"},
    "warm: snapstart": {"warm": "snapstart"},
    "stream": {"stream": "on-demand"},
    "views": {"views": "on"},
    "spot": {"spot": "on"},
    "max_concurrency": {"max_concurrency": "9"},
    "exec": {"exec": "on"},
    "alarm_email": {"alarm_email": "ops@example.com"},
}
CHOSEN_ONCE = {"prefix", "stage", "zones"}
OF_THIS_MACHINE = {"target"}


def kept(settings: dict[str, str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the resources that must be kept, by stack and logical id."""
    return {
        (stack, name): resource
        for stack, template in templates(**settings).items()
        for name, resource in template["Resources"].items()
        if resource["Type"] in KEPT
    }


def create_only(kind: str) -> list[list[str]]:
    """Return paths of the properties that require replacement."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    paths = [*schema.get("createOnlyProperties", ()), *schema.get("conditionalCreateOnlyProperties", ())]
    return [path.removeprefix("/properties/").split("/") for path in paths]


def at(value: Any, path: list[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def replaced(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Yield the properties whose change makes CloudFormation replace a resource."""
    was, becomes = before.get("Properties", {}), after.get("Properties", {})
    for path in create_only(before["Type"]):
        if at(was, path) != at(becomes, path):
            yield "/".join(path)
    if before["Type"] in NEVER_UPDATED and was != becomes:
        yield "any update at all"


def test_the_changes_cover_every_setting() -> None:
    changed = {name for change in CHANGES.values() for name in change}
    assert changed == {field.name for field in fields(Settings)} - CHOSEN_ONCE - OF_THIS_MACHINE


@pytest.mark.parametrize("change", CHANGES)
def test_turning_a_setting_on_and_off_replaces_nothing_that_is_kept(change: str) -> None:
    off, on = kept({}), kept(CHANGES[change])
    assert off.keys() <= on.keys(), "it would be deleted, and made anew when the setting is changed back"
    found = {f"{stack}/{name}": [*replaced(off[stack, name], on[stack, name])] for stack, name in off}
    assert {name: why for name, why in found.items() if why} == {}


def test_the_vpc_origin_stays_as_it_was_first_deployed() -> None:
    """To change the origin, change its logical id and name too: a new one is made before the old one goes."""
    (origin,) = resources(templates()["FargatePattern"], "AWS::CloudFront::VpcOrigin").items()
    name, resource = origin
    assert name == "FrontDoorVpcOrigin700FCD9B"
    assert {*resource["Properties"]} == {"VpcOriginEndpointConfig"}, "a tag is an update too"
    asked = dict(resource["Properties"]["VpcOriginEndpointConfig"])
    assert asked.pop("Arn") == {"Ref": "FrontDoorLoadBalancer6A458C90"}
    assert asked.pop("Name")["Fn::Join"][1][0] == "lof-FargatePattern-VpcOrigin-"
    assert asked == {
        "HTTPPort": 80,
        "OriginProtocolPolicy": "http-only",
        "OriginSSLProtocols": ["TLSv1.2"],
    }


def test_a_change_that_requires_replacement_is_found() -> None:
    for kind, name in (("AWS::EC2::Subnet", "AvailabilityZone"), ("AWS::SQS::Queue", "FifoQueue")):
        before, after = ({"Type": kind, "Properties": {name: value}} for value in ("a", "b"))
        assert [*replaced(before, after)] == [name]
    origin = {"Type": "AWS::CloudFront::VpcOrigin", "Properties": {"Tags": []}}
    assert [*replaced(origin, {**origin, "Properties": {}})] == ["any update at all"]
