"""`python3 dev.py preflight`: what would make a deploy fail in an account, and what to do; read-only.

It checks the account and Region of --profile, AWS_PROFILE and AWS_REGION, with the settings of cdk.json.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from stacks.settings import Settings, SettingsError
from tools.commands import account_checks as checks
from tools.commands.account_checks import Finding, Level
from tools.commands.docker_check import docker
from tools.local_aws import running
from tools.local_aws.aws import ROOT, LocalAwsError


def findings(session: Any, settings: Settings) -> list[Finding]:
    """Return all findings, in order. A check that is denied or impossible is a finding too."""
    client: Callable[[str], Any] = session.client
    there: list[Finding] = []
    in_order: tuple[tuple[str, Callable[[], Finding | list[Finding]]], ...] = (
        ("Region", lambda: checks.partition(session)),
        ("CDK bootstrap", lambda: checks.bootstrap(client("ssm"))),
        ("Stacks", lambda: checks.stacks(client("cloudformation"), settings)),
        ("Availability zones", lambda: checks.zones(client("ec2"), settings)),
        ("Lambda concurrency", lambda: checks.concurrency(client("lambda"), settings)),
        ("Fargate vCPUs", lambda: checks.fargate_vcpus(client("service-quotas"), settings)),
        ("VPCs", lambda: checks.vpcs(client("ec2"), client("service-quotas"), settings)),
        ("Role of ECS", lambda: checks.service_linked_role(client("iam"))),
        ("VPC Block Public Access", lambda: checks.block_public_access(client("ec2"), settings)),
        ("Docker", lambda: docker(settings.cpu)),
    )
    for about, check in in_order:
        try:
            found = check()
        except (BotoCoreError, ClientError) as error:
            told = Finding(about=about, level=Level.MIND, found=f"could not be checked: {error}")
            found = told
        there += found if isinstance(found, list) else [found]
    return there


def show(console: Console, found: Sequence[Finding]) -> None:
    """Print a line per finding, and below it what to do."""
    signs = {Level.FINE: ("ok   ", "green"), Level.MIND: ("mind ", "yellow"), Level.FAILS: ("FAILS", "red")}
    for one in found:
        sign, colour = signs[one.level]
        console.print(f"[{colour}]{sign}[/] ", end="")
        console.print(f"{one.about}: {one.found}", markup=False)
        if one.todo:
            console.print(f"      {one.todo}", markup=False)


def read_settings(chosen: Sequence[str]) -> Settings:
    """Read settings from cdk.json, overridden by `key=value`s. Raises SettingsError."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    for one in chosen:
        key, equals, value = one.partition("=")
        if not equals:
            raise SettingsError(f"-c {one}: write -c setting=value.")
        context[key] = value
    return Settings.from_context(context)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py preflight", description=__doc__)
    parser.add_argument("--profile", help="AWS profile")
    parser.add_argument("-c", action="append", default=[], metavar="setting=value", help="as for cdk deploy")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        settings = read_settings(options.c)
        session, who = running.account(options.profile)
    except (BotoCoreError, LocalAwsError, SettingsError) as error:
        console.print(f"Error: {error}", style="red", markup=False)
        return 1
    console.print(f"Account {who['Account']}, {session.region_name}, as {who['Arn']}", markup=False)
    found = findings(session, settings)
    show(console, found)
    failing = sum(one.level is Level.FAILS for one in found)
    console.print(f"{failing} would fail a deploy." if failing else "Nothing here would fail a deploy.")
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
