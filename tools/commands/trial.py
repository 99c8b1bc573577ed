"""Stacks that are deployed, used and destroyed, even after a failure: in the local AWS or in an account."""

import argparse
import os
import secrets
import shlex
import string
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from stacks.settings import Settings, SettingsError
from tools.commands import preflight
from tools.commands.account_checks import Level
from tools.commands.preflight import read_settings
from tools.drivers.deployed import Client
from tools.drivers.stream_pattern import NotTakenError
from tools.local_aws import running
from tools.local_aws.aws import ROOT, LocalAwsError, local_aws
from tools.local_aws.deployment import Cdk, read_outputs, stack_name

AGAIN_SECONDS = 300
"""Seconds before a failed destroy is retried: docs/runbooks.md#destroys-that-fail"""
Outputs = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a command does with its own stacks.

    Attributes:
        name: name of the command.
        about: its help text.
        stacks: in order of deployment.
        plan: returns what to print beforehand, for --target local or aws.
        use: uses the stacks; may raise LocalAwsError, NotTakenError or TimeoutError.
    """

    name: str
    about: str | None
    stacks: Sequence[str]
    plan: Callable[[str], str]
    use: Callable[["Deployed"], None]

    @property
    def folder(self) -> Path:
        return ROOT / "build" / self.name


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """The deployed stacks. endpoint: of the local AWS; empty on AWS itself."""

    outputs: Outputs
    client: Client
    resource: Client
    settings: Settings
    console: Console
    endpoint: str = ""


def run(trial: Trial, arguments: Sequence[str]) -> int:
    """Run the command. Return 0, or 1 after printing the reason, or 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog=f"python3 dev.py {trial.name}", description=trial.about)
    parser.add_argument("--target", choices=("local", "aws"), default="local")
    parser.add_argument("--profile", help="AWS profile, with --target aws")
    parser.add_argument("-c", action="append", default=[], metavar="setting=value", help="as for cdk deploy")
    parser.add_argument("--plan", action="store_true", help="only print what would be done and what it costs")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    for line in trial.plan(options.target).splitlines():
        console.print(fill(line, console.width, subsequent_indent="   " * line[0].isdigit()), markup=False)
    if options.plan:
        return 0
    try:
        if options.target == "local":
            return _locally(console, trial, options.c)
        refuse_own(options.c)
        session, who = running.account(options.profile)
        address = os.environ.get("AWS_ENDPOINT_URL", "")
        console.print(
            f"Account {who['Account']}, {session.region_name}{f', at {address}' if address else ''}."
        )
        if not options.yes and asked("Go on? Type yes: ") != "yes":
            console.print("Nothing was done.")
            return 1
        return _in_an_account(console, trial, session, options.profile, options.c)
    except (LocalAwsError, SettingsError, NotTakenError, TimeoutError, BotoCoreError, ClientError) as error:
        console.print(f"Error: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130


def _locally(console: Console, trial: Trial, chosen: Sequence[str]) -> int:
    settings = read_settings([*chosen, "target=local"])
    with local_aws(trial.folder / "local-aws.log") as aws:
        cdk = Cdk(aws=aws, folder=trial.folder / "cdk", context=chosen)
        cdk.bootstrap()
        with ExitStack() as later:
            later.callback(lambda: cdk.destroy("--all"))
            if "HybridPattern" in trial.stacks:
                later.callback(lambda: stop_tasks(aws.client, stack_name("HybridPattern", settings)))
            outputs = cdk.deploy(*trial.stacks)
            trial.use(
                Deployed(
                    outputs=outputs,
                    client=aws.client,
                    resource=aws.resource,
                    settings=settings,
                    console=console,
                    endpoint=aws.url,
                )
            )
        console.print("destroyed")
    return 0


def asked(question: str) -> str:
    """Ask a question. Raises LocalAwsError if nobody can answer."""
    try:
        return input(question).strip()
    except EOFError:
        raise LocalAwsError("nobody can answer, so nothing was done: use --yes.") from None


def refuse_own(chosen: Sequence[str]) -> None:
    """Raise LocalAwsError for settings that a run in an account chooses itself."""
    if own := [one for one in chosen if one.partition("=")[0] in ("prefix", "stage")]:
        raise LocalAwsError(f"leave out {', '.join(own)}: this run has a prefix of its own, in a sandbox.")


def _in_an_account(
    console: Console, trial: Trial, session: Any, profile: str | None, chosen: Sequence[str]
) -> int:
    """Deploy into an account under a prefix for this run only, and destroy exactly what it has created.

    chosen: settings as "key=value". Raises LocalAwsError, before anything is done, if preflight finds what
        would fail the deploy, or if a stack with one of the names exists: deploying would change that stack,
        and destroying would delete its data.
    """
    cloudformation = session.client("cloudformation")
    chosen = [*chosen, "stage=sandbox", f"prefix={own_prefix()}"]
    settings = read_settings(chosen)
    names = {stack: settings.stack_name(stack) for stack in trial.stacks}
    refuse_existing(cloudformation, [*names.values()])
    console.print(f"Its stacks: {', '.join(names.values())}", markup=False)
    _look_before(console, session, settings)
    said = [word for one in chosen for word in ("-c", one)] + (["--profile", profile] if profile else [])
    trial.folder.mkdir(parents=True, exist_ok=True)
    outputs: dict[str, dict[str, str]] = {}
    with ExitStack() as later:
        # One by one, so that a stack that somebody else creates meanwhile is not touched.
        for stack in trial.stacks:
            refuse_existing(cloudformation, [names[stack]])
            later.callback(_destroy, stack, "--exclusively", "--force", *said)
            if stack == "HybridPattern":
                later.callback(stop_tasks, session.client, names[stack])
            file = trial.folder / f"outputs-{stack}.json"
            file.unlink(missing_ok=True)
            approved = ("--exclusively", "--require-approval", "never", "--outputs-file", str(file))
            _cdk("deploy", stack, *approved, *said)
            outputs |= read_outputs(file)
        trial.use(
            Deployed(
                outputs=outputs,
                client=session.client,
                resource=session.resource,
                settings=settings,
                console=console,
            )
        )
    console.print("destroyed")
    return 0


def _look_before(console: Console, session: Any, settings: Settings) -> None:
    found = preflight.findings(session, settings)
    preflight.show(console, found)
    if any(one.level is Level.FAILS for one in found):
        raise LocalAwsError("that would fail the deploy, so nothing was done.")


def own_prefix() -> str:
    """Return a prefix that differs in each run."""
    return "e2e" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(6))


def refuse_existing(cloudformation: Any, stacks: Sequence[str]) -> None:
    """Refuse stacks that the account already has. Raises LocalAwsError naming them."""
    found = []
    for name in stacks:
        try:
            (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" not in error.response["Error"].get("Message", ""):
                raise
        else:
            found.append(f"{name} (created {stack['CreationTime']:%Y-%m-%d}, {stack['StackStatus']})")
    if found:
        raise LocalAwsError(
            f"This account and Region already have {', '.join(found)}. This would change and then delete "
            "them, so nothing was done to them: run it again."
        )


def stop_tasks(client: Any, name: str) -> None:
    """Stop HybridPattern's tasks and prevent new ones, as a cluster with tasks cannot be deleted."""
    try:
        (stack,) = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError:  # the stack was never created
        return
    found = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    if "ClusterName" not in found:
        return
    lambda_, ecs, cluster = client("lambda"), client("ecs"), found["ClusterName"]
    mappings = lambda_.list_event_source_mappings(FunctionName=found["FunctionName"])["EventSourceMappings"]
    for mapping in mappings:
        lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    while tasks := ecs.list_tasks(cluster=cluster)["taskArns"]:  # at most 100; a function may still start one
        for task in tasks:
            ecs.stop_task(cluster=cluster, task=task, reason="Everything is destroyed.")
        ecs.get_waiter("tasks_stopped").wait(cluster=cluster, tasks=tasks)


def _destroy(*arguments: str) -> None:
    """Destroy, and retry once: for some minutes, what CloudFront leaves in the network can block it."""
    try:
        _cdk("destroy", *arguments)
    except LocalAwsError:
        time.sleep(AGAIN_SECONDS)
        _cdk("destroy", *arguments)


def _cdk(*arguments: str) -> None:
    if subprocess.run(["cdk", *arguments], cwd=ROOT).returncode:
        settings = shlex.join(arguments[arguments.index("-c") :])
        raise LocalAwsError(
            f"cdk {arguments[0]} failed: see above. If anything of this run is left: "
            f"cdk destroy --all {settings} (never without its prefix: that would destroy yours)"
        )
