"""Read-only checks of an account, one function each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from app import STACKS
from stacks.fargate_pattern.size import service_size
from stacks.fargate_pattern.zones import WITHOUT_VPC_ORIGINS
from stacks.hybrid_pattern.tracker import MAX_CONCURRENCY as TRACKERS
from stacks.lambda_service.cloudfront_to_function import WITHOUT_FUNCTION_URLS
from stacks.settings import Settings

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_iam import IAMClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_service_quotas import ServiceQuotasClient
    from types_boto3_ssm import SSMClient

BOOTSTRAP_VERSION = 6
"""Minimum version for deploying (`requiresBootstrapStackVersion` of the stacks in cdk.out/manifest.json)."""
ROLLBACK_VERSION = 23
"""Minimum version for `cdk rollback` (BOOTSTRAP_STACK_VERSION_FOR_ROLLBACK of the CDK CLI)."""
FARGATE_VCPUS, VPCS = ("fargate", "L-3032A538"), ("vpc", "L-F678F1CE")
"""Codes of services and quotas: https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html"""
USUAL_TASK_VCPUS = 4
NEVER_STOOD = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""States in which `cdk deploy` deletes a stack and creates it again."""
HALF_GONE = ("DELETE_FAILED", "CREATE_FAILED")
STUCK = ("UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED")
"""Stack states that need somebody's decision; the stacks still have their data."""


class Level(StrEnum):
    """How much a finding matters."""

    FINE = "fine"
    MIND = "mind"
    """It works, but there is something to know."""
    FAILS = "fails"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was checked, what was found, and what to do about it."""

    about: str
    level: Level
    found: str
    todo: str = ""


SHARDS = {"provisioned": 1, "on-demand": 4}
"""Shards that a new stream of StreamPattern has, by capacity mode; each takes one concurrent execution."""
STACK_TAG = "aws:cloudformation:stack-name"
RESERVED = 100
"""Concurrent executions that an account must keep unreserved:
https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""


def fine(about: str, found: str) -> Finding:
    return Finding(about=about, level=Level.FINE, found=found)


def bootstrap(ssm: "SSMClient") -> Finding:
    """Check whether the account is bootstrapped, with a sufficient version."""
    about, todo = "CDK bootstrap", "Run `cdk bootstrap`."
    try:
        value = ssm.get_parameter(Name="/cdk-bootstrap/hnb659fds/version")["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        return Finding(about=about, level=Level.FAILS, found="not done in this Region", todo=todo)
    if int(value) < BOOTSTRAP_VERSION:
        found = f"version {value}; at least {BOOTSTRAP_VERSION} is needed"
        return Finding(about=about, level=Level.FAILS, found=found, todo=todo)
    if int(value) < ROLLBACK_VERSION:
        found = f"version {value}, with which `cdk rollback` is refused; it needs {ROLLBACK_VERSION}"
        return Finding(about=about, level=Level.MIND, found=found, todo=todo)
    return fine(about, f"version {value}")


def concurrency(lambda_: "LambdaClient", settings: Settings) -> Finding:
    """Check that event sources leave concurrency for others, and that warm=provisioned can be deployed."""
    about, shards = "Lambda concurrency", SHARDS[settings.stream]
    others = shards + TRACKERS
    wanted = 2 * settings.max_concurrency + others
    there = lambda_.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    found = (
        f"{there} unreserved, and event sources may use {wanted} ({TRACKERS} a tracker, {shards} a stream)"
    )
    if settings.warm == "provisioned" and there <= RESERVED:
        return Finding(
            about=about,
            level=Level.FAILS,
            found=f"{there} unreserved, but {RESERVED} must stay unreserved: warm=provisioned fails",
            todo='Set "warm" to "off" or "snapstart" in cdk.json, or ask for a quota of 1,000 (L-B99A9384).',
        )
    if there <= wanted:
        most = (there - others - 1) // 2
        fewer = f"Set max_concurrency in cdk.json to {most} or less, or ask" if most >= 2 else "Ask"
        todo = (
            f"{fewer} for more: aws service-quotas request-service-quota-increase --service-code lambda "
            "--quota-code L-B99A9384 --desired-value 1000"
        )
        return Finding(about=about, level=Level.MIND, found=found, todo=todo)
    return fine(about, found)


def fargate_vcpus(quotas: "ServiceQuotasClient", settings: Settings) -> Finding:
    """Check whether the quota allows a HybridPattern task of USUAL_TASK_VCPUS beside FargatePattern."""
    about, there, size = "Fargate vCPUs", _quota(quotas, *FARGATE_VCPUS), service_size(settings)
    service = size.min_tasks * size.vcpus
    if there < USUAL_TASK_VCPUS + service:
        found = f"{there:g}; the service takes {service:g} or more, a task {USUAL_TASK_VCPUS}"
        todo = "Ask for more (quota L-3032A538): until then large scans wait."
        return Finding(about=about, level=Level.MIND, found=found, todo=todo)
    return fine(about, f"{there:g}; enough for tasks of {USUAL_TASK_VCPUS}; the largest scans need up to 32")


def vpcs(ec2: "EC2Client", quotas: "ServiceQuotasClient", settings: Settings) -> Finding:
    """Check whether there is room for Network's VPC, unless it exists already."""
    about, there, ours = "VPCs", _quota(quotas, *VPCS), settings.stack_name("Network")
    used = [vpc for page in ec2.get_paginator("describe_vpcs").paginate() for vpc in page["Vpcs"]]
    found, of_stack = f"{len(used)} of {there:g} in this Region", {"Key": STACK_TAG, "Value": ours}
    if len(used) >= there and not any(of_stack in vpc.get("Tags", []) for vpc in used):
        return Finding(about=about, level=Level.FAILS, found=found, todo="Delete one, or ask for more.")
    return fine(about, found)


def zones(ec2: "EC2Client", settings: Settings) -> Finding:
    """Check whether Network's two zones allow VPC origins; if not, say what to set before a first deploy."""
    about = "Availability zones"
    asked = ec2.describe_availability_zones(Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}])
    there = [zone for zone in asked["AvailabilityZones"] if zone["State"] == "available"]
    ids = [zone["ZoneId"] for zone in sorted(there, key=lambda zone: zone["ZoneName"])]
    good = [zone for zone in ids if zone not in WITHOUT_VPC_ORIGINS]
    pair = ",".join(good[:2])
    line = f'Before the first deploy put "zones": "{pair}" into cdk.json (or pass -c zones={pair} each time).'
    if len(good) < 2:
        found = f"only {', '.join(good) or 'none'} with VPC origins"
        return Finding(about=about, level=Level.FAILS, found=found, todo="Choose another Region.")
    used = settings.zone_ids or tuple(_first_of_get_azs(ec2, ids)[:2])
    if missing := [zone for zone in used if zone not in ids]:
        found = f"{', '.join(missing)} of `zones` is not available in this Region; {', '.join(ids)} are"
    elif bad := [zone for zone in used if zone in WITHOUT_VPC_ORIGINS]:
        found = f"{', '.join(used)} would be used, and {', '.join(bad)} has no VPC origins"
    elif len(used) < 2:
        found = f"only {used[0]} would be used, since no other zone has a default subnet"
    else:
        return fine(about, ", ".join(used))
    return Finding(about=about, level=Level.FAILS, found=found, todo=line)


def _first_of_get_azs(ec2: "EC2Client", ids: Sequence[str]) -> Sequence[str]:
    """Return the zones as Fn::GetAZs does: those with a default subnet, or all if there are none.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getavailabilityzones.html
    """
    found = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    with_default = {subnet["AvailabilityZoneId"] for subnet in found}
    return [zone for zone in ids if zone in with_default] or ids


def service_linked_role(iam: "IAMClient") -> Finding:
    """Check whether ECS's service-linked role exists; an account's first cluster starts its creation."""
    about = "Role of ECS"
    try:
        iam.get_role(RoleName="AWSServiceRoleForECS")
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        todo = (
            "Usually nothing. If a deploy says *Unable to assume the service linked role*, repeat it. "
            "To create it beforehand: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com"
        )
        found = "not there yet: ECS makes it with the account's first cluster"
        return Finding(about=about, level=Level.MIND, found=found, todo=todo)
    return fine(about, "there")


def block_public_access(ec2: "EC2Client", settings: Settings) -> Finding:
    """Check whether VPC Block Public Access blocks Network's VPC, CloudFront's VPC origins included."""
    about = "VPC Block Public Access"
    options = ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
    mode = options.get("InternetGatewayBlockMode", "off")
    if mode == "off":
        return fine(about, "off")
    if _is_excluded(ec2, settings.stack_name("Network")):
        return fine(about, f"{mode}, and the VPC of Network is excluded")
    todo = "Deploy Network, exclude its VPC, then deploy the rest: docs/runbooks.md#vpc-block-public-access."
    if options.get("ExclusionsAllowed") == "not-allowed":
        todo += " The organisation allows no exclusions: ask whoever manages it."
    if settings.egress == "public-ip" or (settings.egress == "nat" and mode == "block-bidirectional"):
        todo += f" Until then no task can pull its image with egress={settings.egress}."
    return Finding(about=about, level=Level.FAILS, found=mode, todo=todo)


def _is_excluded(ec2: "EC2Client", network: str) -> bool:
    of_stack: Any = [{"Name": f"tag:{STACK_TAG}", "Values": [network]}]
    mine = tuple(f"/{vpc['VpcId']}" for vpc in ec2.describe_vpcs(Filters=of_stack)["Vpcs"])
    if not mine:
        return False
    excluded = ec2.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"]
    return any(
        one["ResourceArn"].endswith(mine)
        and one["State"] in ("create-complete", "update-complete")
        and one["InternetGatewayExclusionMode"] == "allow-bidirectional"
        for one in excluded
    )


def stacks(cloudformation: "CloudFormationClient", settings: Settings) -> list[Finding]:
    """Check for stacks that already exist under the names to deploy."""
    findings = []
    for name in map(settings.stack_name, STACKS):
        found = _stack(cloudformation, name)
        if found is None:
            continue
        status, said = found["StackStatus"], found.get("Description", "no description")
        told = f"there since {found['CreationTime']:%Y-%m-%d}, {status}: {said!r}"
        level, todo = _what_to_do(name, status)
        findings.append(Finding(about=name, level=level, found=told, todo=todo))
    if not findings:
        named = f"{settings.stack_name('...')}"
        return [fine("Stacks", f"none of the names {named} is taken")]
    return findings


def _what_to_do(name: str, status: str) -> tuple[Level, str]:
    """Return how much an existing stack matters, and what to do about it."""
    stack = name.rpartition("-")[2]
    if status in NEVER_STOOD:
        return Level.MIND, "Its first deploy failed; the next one deletes it, unless it is protected."
    if status in HALF_GONE:
        return Level.FAILS, f"`cdk destroy {stack}` first, which removes what is in it."
    if status in STUCK:
        return Level.FAILS, f"`cdk rollback {stack}`. Do not destroy it: its data is there."
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        return Level.FAILS, "Wait until that has ended."
    return (
        Level.MIND,
        "A deploy changes it. If it is not from this project, choose another `prefix` in cdk.json.",
    )


def partition(session: Any) -> Finding:
    """Check whether the Region and its partition support all patterns."""
    about, region = "Region", session.region_name
    there = session.get_partition_for_region(region)
    if there != "aws":
        found = f"{region}, in the partition {there}"
        todo = "Only LambdaPattern and StreamPattern deploy there: the others need commercial CloudFront."
        return Finding(about=about, level=Level.FAILS, found=found, todo=todo)
    if region in WITHOUT_FUNCTION_URLS:
        found = f"{region}, without Lambda function URLs"
        todo = "All but LambdaService deploy there."
        return Finding(about=about, level=Level.FAILS, found=found, todo=todo)
    return fine(about, region)


def _quota(quotas: "ServiceQuotasClient", service: str, code: str) -> float:
    """Return the quota in this account, or AWS's default if it was never changed."""
    try:
        return quotas.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
    return quotas.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]["Value"]


def _stack(cloudformation: "CloudFormationClient", name: str) -> Mapping[str, Any] | None:
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in error.response["Error"].get("Message", ""):
            raise
        return None
    return dict(stack)
