"""Where a pattern is deployed: in the local AWS of `demo --keep`, or in an account."""

import json
import os
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from stacks.settings import Settings
from tools.drivers.deployed import Client, Deployed
from tools.local_aws.aws import REGION, ROOT, LocalAws, LocalAwsError, forget_other_accounts
from tools.local_aws.deployment import stack_name

FILE = ROOT / "build" / "demo" / "running.json"


def save(aws: LocalAws, outputs: Mapping[str, Mapping[str, str]]) -> None:
    """Record the local AWS for commands in other terminals."""
    FILE.write_text(json.dumps({"url": aws.url, "outputs": outputs}))


def clear() -> None:
    FILE.unlink(missing_ok=True)


def find(stack: str, target: str, profile: str | None, settings: Settings | None = None) -> Deployed:
    """Find a deployed stack. Raises LocalAwsError, saying what to do, if there is none or access is denied.

    stack: its construct id, such as HybridPattern. settings: those of cdk.json unless given.
    """
    return _local(stack, settings) if target == "local" else _account(stack, profile, settings)


def session(profile: str | None) -> boto3.Session:
    """Return a session in the Region that the CDK CLI deploys to: boto3 itself does not read AWS_REGION."""
    return boto3.Session(profile_name=profile, region_name=os.environ.get("AWS_REGION") or None)


def account(profile: str | None) -> tuple[boto3.Session, dict[str, Any]]:
    """Return a session and its identity, as STS tells it. Raises LocalAwsError with all that is missing."""
    found, missing, who = session(profile), [], {}
    if not found.region_name:
        missing.append("There is no Region: set AWS_REGION, or a profile that has one.")
    try:
        client: Any = found.client
        who = client("sts", region_name=found.region_name or REGION).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        missing.append(
            f"No credentials work: {str(error).rstrip('.')}. Set AWS_PROFILE, or say --profile; "
            "`aws sts get-caller-identity` has to work first."
        )
    if missing:
        raise LocalAwsError("\n".join(missing))
    return found, who


def _local(stack: str, settings: Settings | None) -> Deployed:
    forget_other_accounts()
    try:
        known = json.loads(FILE.read_text())
        urllib.request.urlopen(f"{known['url']}/_ministack/health", timeout=5).close()
    except OSError:
        raise LocalAwsError(
            "No local AWS is running: start one with `python3 dev.py demo --keep`, or say --target aws."
        ) from None
    aws = LocalAws(url=known["url"], pid=0, log=Path(), containers={})
    outputs = known["outputs"].get(stack) or _outputs(aws.client, stack, settings)
    return Deployed(client=aws.client, resource=aws.resource, outputs=outputs, endpoint=aws.url)


def _account(stack: str, profile: str | None, settings: Settings | None) -> Deployed:
    found = session(profile)
    client: Any = found.client  # the type stubs accept only literal service names
    return Deployed(client=client, resource=found.resource, outputs=_outputs(client, stack, settings))


def _outputs(client: Client, stack: str, settings: Settings | None = None) -> dict[str, str]:
    name = stack_name(stack, settings)
    try:
        (deployed,) = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise LocalAwsError(
            f"{name} cannot be looked up ({error}): check --profile and the Region, or deploy it."
        ) from error
    return {one["OutputKey"]: one["OutputValue"] for one in deployed.get("Outputs", [])}
