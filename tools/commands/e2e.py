"""`python3 dev.py e2e`: deploys everything, uses it as its users do, and destroys it, even if that fails.

--target local: the local AWS. --target aws: an account of yours, after a price estimate and a question.
"""

import argparse
import os
import secrets
import shlex
import string
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import pyvips
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from app import STACKS
from chooser.prices import as_of
from runtime.jobs.record import State
from stacks.settings import Settings, SettingsError
from tools.commands import at_rest, preflight, views
from tools.commands.account_checks import Level
from tools.commands.preflight import read_settings
from tools.drivers.deployed import Client
from tools.drivers.fargate_pattern import ServiceDriver
from tools.drivers.hybrid_pattern import HybridDriver
from tools.drivers.lambda_pattern import LambdaDriver
from tools.drivers.stream_pattern import StreamDriver
from tools.local_aws import running
from tools.local_aws.aws import ROOT, LocalAwsError, local_aws
from tools.local_aws.deployment import Cdk, read_outputs, stack_name

FOLDER = ROOT / "build" / "e2e"
HOURS = 1.0
"""For which a run is priced: most of it is the distribution's coming and going."""
AGAIN_SECONDS = 300
"""docs/runbooks.md#destroys-that-fail"""
EXTRA_USD = 0.05
"""Requests, tasks of minutes, logs and storage of a run, rounded up."""
PHOTO = ROOT / "samples" / "earth-night.jpg"
Outputs = Mapping[str, Mapping[str, str]]
Say = Callable[[str], None]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py e2e", description=__doc__)
    parser.add_argument("--target", choices=("local", "aws"), default="local")
    parser.add_argument("--profile", help="of the AWS configuration, with --target aws")
    parser.add_argument("-c", action="append", default=[], metavar="setting=value", help="as for cdk deploy")
    parser.add_argument("--plan", action="store_true", help="only say what would be done and what it costs")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    console.print(plan(options.target), markup=False)
    if options.plan:
        return 0
    try:
        if options.target == "local":
            return _locally(console)
        session: Any = running.session(options.profile)
        account = session.client("sts").get_caller_identity()["Account"]
        address = os.environ.get("AWS_ENDPOINT_URL", "")
        console.print(f"Account {account}, {session.region_name}{f', at {address}' if address else ''}.")
        if not options.yes and _asked("Go on? Type yes: ") != "yes":
            console.print("Nothing was done.")
            return 1
        return _in_an_account(console, session, options.profile, options.c)
    except (LocalAwsError, SettingsError, TimeoutError, BotoCoreError, ClientError) as error:
        console.print(f"Error: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130


def plan(target: str) -> str:
    """What a run does and costs; needs no credentials."""
    lines = [
        f"1. cdk deploy {' '.join(STACKS)}",
        "2. LambdaPattern: upload a photo and a text; a manifest and a rejection come back",
        "3. FargatePattern: upload a photo; ask the service for a part of it, and for one that is not there",
        "4. HybridPattern: upload a small scan (the function does it) and one of 134 megapixels (a task)",
        "5. StreamPattern: put a minute of views into the stream; they are counted",
        "6. cdk destroy of what this run created, also when something before it failed",
    ]
    if target == "aws":
        items = list(at_rest.items(stage="sandbox", egress="public-ip", architecture="arm64"))
        standing = sum(item.usd for item in items) + at_rest.stream("provisioned")
        usd = standing / 730 * HOURS + EXTRA_USD
        lines += [
            f"It takes about {HOURS:g} hour and about ${usd:.2f} by list prices (us-east-1, {as_of()}).",
            "It needs Docker, and an account and Region that are bootstrapped (cdk bootstrap).",
        ]
    return "\n".join(lines)


def _locally(console: Console) -> int:
    with local_aws(FOLDER / "local-aws.log") as aws:
        cdk = Cdk(aws=aws, folder=FOLDER / "cdk")
        cdk.bootstrap()
        with ExitStack() as later:
            later.callback(lambda: cdk.destroy("--all"))
            later.callback(lambda: stop_tasks(aws.client, stack_name("HybridPattern")))
            outputs = cdk.deploy(*STACKS)
            check(outputs, aws.client, aws.resource, aws.url, console.print)
        console.print("destroyed")
    return 0


def _asked(question: str) -> str:
    """Raises LocalAwsError where nobody can answer."""
    try:
        return input(question).strip()
    except EOFError:
        raise LocalAwsError("nobody is there to answer, and nothing was done: say --yes.") from None


def _in_an_account(console: Console, session: Any, profile: str | None, chosen: Sequence[str]) -> int:
    """Deploys into an account under a prefix of its own, and destroys just what this run has created.

    chosen: settings as "key=value". Raises LocalAwsError, before anything is done, where preflight finds what
    would fail, or a stack of one of the names exists: deploying would change that stack, and destroying would
    delete it with its data.
    """
    cloudformation = session.client("cloudformation")
    chosen = [*chosen, "stage=sandbox", f"prefix={own_prefix()}"]
    settings = read_settings(chosen)
    names = {stack: settings.stack_name(stack) for stack in STACKS}
    refuse_existing(cloudformation, [*names.values()])
    console.print(f"Its stacks: {', '.join(names.values())}", markup=False)
    _look_before(console, session, settings)
    said = [word for one in chosen for word in ("-c", one)] + (["--profile", profile] if profile else [])
    outputs: dict[str, dict[str, str]] = {}
    with ExitStack() as later:
        # One by one: of a stack that somebody else creates meanwhile nothing is touched.
        for stack in STACKS:
            refuse_existing(cloudformation, [names[stack]])
            later.callback(_destroy, stack, "--exclusively", "--force", *said)
            if stack == "HybridPattern":
                later.callback(stop_tasks, session.client, names[stack])
            file = FOLDER / f"outputs-{stack}.json"
            file.unlink(missing_ok=True)
            approved = ("--exclusively", "--require-approval", "never", "--outputs-file", str(file))
            _cdk("deploy", stack, *approved, *said)
            outputs |= read_outputs(file)
        check(outputs, session.client, session.resource, "", console.print)
    console.print("destroyed")
    return 0


def _look_before(console: Console, session: Any, settings: Settings) -> None:
    found = preflight.findings(session, settings)
    preflight.show(console, found)
    if any(one.level is Level.FAILS for one in found):
        raise LocalAwsError("that would fail the deploy: nothing was done.")


def own_prefix() -> str:
    """Another one in each run."""
    return "e2e" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(6))


def refuse_existing(cloudformation: Any, stacks: Sequence[str]) -> None:
    """Raises LocalAwsError that names the stacks of these names which the account already has."""
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
            f"This account and Region already have {', '.join(found)}. e2e would change and then delete "
            "them, so it did nothing to them: run it again."
        )


def stop_tasks(client: Any, name: str) -> None:
    """Ends the hybrid's tasks: a cluster that has some cannot be deleted. What waits starts no others."""
    try:
        (stack,) = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError:  # it was never made
        return
    found = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    if "ClusterName" not in found:
        return
    lambda_, ecs, cluster = client("lambda"), client("ecs"), found["ClusterName"]
    mappings = lambda_.list_event_source_mappings(FunctionName=found["FunctionName"])["EventSourceMappings"]
    for mapping in mappings:
        lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    if tasks := ecs.list_tasks(cluster=cluster)["taskArns"]:
        for task in tasks:
            ecs.stop_task(cluster=cluster, task=task, reason="Everything is destroyed.")
        ecs.get_waiter("tasks_stopped").wait(cluster=cluster, tasks=tasks)


def _destroy(*arguments: str) -> None:
    """Twice: what CloudFront leaves in the network for some minutes may stop the first."""
    try:
        _cdk("destroy", *arguments)
    except LocalAwsError:
        time.sleep(AGAIN_SECONDS)
        _cdk("destroy", *arguments)


def _cdk(*arguments: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["cdk", *arguments], cwd=ROOT).returncode:
        settings = shlex.join(arguments[arguments.index("-c") :])
        raise LocalAwsError(
            f"cdk {arguments[0]} failed: see above. Should anything of this run stay: "
            f"cdk destroy --all {settings} (never without its prefix: that would destroy yours)"
        )


def check(outputs: Outputs, client: Client, resource: Client, endpoint: str, say: Say) -> None:
    """Uses every pattern. Raises LocalAwsError with what is not as it should be.

    endpoint: of the local AWS.
    """
    photo = PHOTO.read_bytes()
    lambda_ = LambdaDriver(client=client, outputs=outputs["LambdaPattern"])
    good, bad = (lambda_.upload(name, data) for name, data in (("a b+é.jpg", photo), ("no.jpg", b"text")))
    made, refused = lambda_.result(good, timeout=300), lambda_.result(bad, timeout=300)
    _expect(
        made.manifest and len(made.manifest["renditions"]) == 3, "LambdaPattern made no three renditions."
    )
    _expect(refused.rejection and refused.rejection["reason"] == "not-an-image", "A text was not refused.")
    say(f"LambdaPattern: 3 renditions after {made.seconds:.1f} s, a text refused")

    url = endpoint or outputs["FargatePattern"]["Url"]
    service = ServiceDriver(client=client, outputs=outputs["FargatePattern"], endpoint=url)
    service.upload("a/b é.jpg", photo)
    service.wait_until_steady(timeout=900)
    began = time.monotonic()
    answer = service.get(f"{service.image('a/b é.jpg')}/square/300,/0/default.webp")
    _expect(answer.status == 200, f"FargatePattern answers {answer.status}: {answer.body[:200]!r}")
    missing = service.describe("none.jpg").status
    _expect(missing == 404, f"An image that is not there answers {missing}.")
    seconds = time.monotonic() - began
    say(f"FargatePattern: {len(answer.body):,} bytes after {seconds:.2f} s, 404 for what is not there")

    found = outputs["HybridPattern"]
    hybrid = HybridDriver(client=client, resource=resource, outputs=found, endpoint=endpoint)
    for name, data, where in (("small.jpg", photo, "lambda"), ("large.jpg", _large(), "fargate")):
        job = hybrid.wait(hybrid.upload(name, data), timeout=900)
        _expect(job.state is State.DONE and job.where == where, f"HybridPattern: {job}")
        status = hybrid.get(f"/v/{job.job_id}/info.json").status
        _expect(status == 200, f"The tiles of {name} answer {status}.")
        say(f"HybridPattern: {name} by {job.where} after {job.ended_at - job.created_at} s. {job.placement}")

    stream = StreamDriver(client=client, outputs=outputs["StreamPattern"])
    stream.put(views.made_up(views.MADE_UP))
    counted = stream.wait(views.MADE_UP).total()
    _expect(counted == views.MADE_UP, f"StreamPattern counted {counted} of {views.MADE_UP} views.")
    say(f"StreamPattern: {counted} views counted")


def _large() -> bytes:
    """134 megapixels, progressive and turned: more memory than the function has."""
    enlarged = pyvips.Image.new_from_file(str(PHOTO)).resize(4)
    enlarged.set_type(pyvips.GValue.gint_type, "orientation", 6)
    return bytes(enlarged.write_to_buffer(".jpg", Q=80, interlace=True))


def _expect(holds: object, otherwise: str) -> None:
    if not holds:
        raise LocalAwsError(otherwise)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
