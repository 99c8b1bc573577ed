"""`python3 dev.py backfill --pattern LambdaPattern`: processes objects already in the pattern's bucket.

It prints cost and duration, asks for confirmation, deploys its own stack beside the pattern's, and starts and
follows the run. When repeated, it follows the run in progress or, if there is none, sends the objects that
have no result yet.
"""

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from chooser.keys import WorkloadError, load
from chooser.workload import Workload
from lambda_src.backfill.feed import Found
from stacks.backfill import stack as backfill_stack
from stacks.backfill.stack import FED
from stacks.settings import Settings, SettingsError
from tools.commands.backfill_plan import described, planned
from tools.commands.preflight import read_settings
from tools.commands.trial import asked
from tools.drivers.backfill import BackfillDriver, Progress, listed
from tools.drivers.deployed import Deployed
from tools.local_aws import running
from tools.local_aws.aws import ROOT, LocalAws, LocalAwsError
from tools.local_aws.deployment import Cdk, read_outputs, stack_name

PROGRAM = f"python3 -m {backfill_stack.__name__}"
FOLDER = ROOT / "build" / "backfill"
LOOK_SECONDS = {"local": 0.5, "aws": 5.0}


@dataclass(frozen=True, kw_only=True)
class Run:
    """The command's options."""

    pattern: str
    prefix: str
    target: str
    profile: str | None
    chosen: Sequence[str]
    console: Console

    @property
    def stack(self) -> str:
        return f"{self.pattern}Backfill"

    @property
    def settings(self) -> Settings:
        """The settings. Raises SettingsError."""
        return read_settings(self.chosen)

    def find(self, stack: str) -> Deployed:
        return running.find(stack, self.target, self.profile, self.settings)

    def deploy(self, deployed: Deployed) -> BackfillDriver:
        """Deploy the stack, unless it is up to date, and return its driver. Raises LocalAwsError."""
        options = parameters(self.pattern, deployed.outputs)
        if self.target == "local":
            aws = LocalAws(url=deployed.endpoint, pid=0, log=Path(), containers={})
            cdk = Cdk(aws=aws, folder=FOLDER, program=PROGRAM, context=self.chosen)
            outputs = cdk.deploy(self.stack, *options)
        else:
            outputs = self._deploy_into_the_account(options)
        return BackfillDriver(client=deployed.client, outputs=outputs[self.stack])

    def _deploy_into_the_account(self, options: Sequence[str]) -> dict[str, dict[str, str]]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        file = FOLDER / "outputs.json"
        more = ["--profile", self.profile] if self.profile else []
        more += [word for one in self.chosen for word in ("-c", one)]
        asked = [self.stack, *options, "--require-approval", "never", "--outputs-file", str(file), *more]
        if subprocess.run(["cdk", "deploy", "--app", PROGRAM, *asked], cwd=ROOT).returncode:
            raise LocalAwsError("the stack could not be deployed: see above. Nothing was started.")
        return read_outputs(file)

    def again(self, *more: str) -> str:
        """Return a command line with `more` for the same pattern, target, profile and settings."""
        words = ["--pattern", self.pattern, *(["--target", "aws"] if self.target == "aws" else [])]
        words += ["--profile", self.profile] if self.profile else []
        words += [word for one in self.chosen for word in ("-c", one)]
        return shlex.join(["python3", "dev.py", "backfill", *words, *more])


def parameters(pattern: str, outputs: Mapping[str, str]) -> list[str]:
    """Return parameters for the CDK CLI: those of the pattern's outputs that the stack needs."""
    return [word for name in FED[pattern] for word in ("--parameters", f"{name}={outputs[name]}")]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py backfill", description=__doc__)
    parser.add_argument("--pattern", choices=FED, required=True)
    parser.add_argument("--prefix", default="", help="only keys that begin with this (default: all)")
    parser.add_argument(
        "--at-once",
        type=_whole,
        default=0,
        help="objects that the pattern may have in progress, live uploads included",
    )
    parser.add_argument("--workload", help="a workload file of the chooser: the pattern's work on one object")
    parser.add_argument("--from", dest="start", type=Path, default=Path(), help=argparse.SUPPRESS)
    parser.add_argument(
        "--plan", type=_whole, metavar="OBJECTS", help="only print cost and duration for that many objects"
    )
    parser.add_argument("--stop", action="store_true", help="stop the run in progress")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--target", choices=("local", "aws"), default="local", help="local: the local AWS of demo --keep"
    )
    parser.add_argument("-c", action="append", default=[], metavar="setting=value", help="as for cdk deploy")
    parser.add_argument("--profile", help="AWS profile, with --target aws")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    run = Run(
        pattern=options.pattern,
        prefix=options.prefix,
        target=options.target,
        profile=options.profile,
        chosen=options.c,
        console=console,
    )
    try:
        own = _own(options)
        if options.plan:
            plan = planned(run.pattern, options.plan, run.settings, at_once=options.at_once, own=own)
            print(*described(plan), sep="\n")
            return 0
        if options.stop:
            return _stop(run, run.find(run.stack))
        return _run(run, options, own)
    except (LocalAwsError, WorkloadError, SettingsError, BotoCoreError, ClientError) as error:
        console.print(f"Error: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted.")
        return 130


def _own(options: argparse.Namespace) -> Workload | None:
    """Read the given workload, if any. Raises WorkloadError."""
    try:
        return load(str(options.start / options.workload)) if options.workload else None
    except OSError as error:
        raise WorkloadError(f"{options.workload}: {error.strerror}.") from error


def _run(run: Run, options: argparse.Namespace, own: Workload | None) -> int:
    deployed = run.find(run.pattern)
    objects = _count(run, deployed)
    if not objects:
        raise LocalAwsError(f"nothing in {deployed.outputs['SourceBucket']} begins with {run.prefix!r}.")
    plan = planned(run.pattern, objects, run.settings, at_once=options.at_once, own=own)
    print(f"{stack_name(run.pattern, run.settings)}, {deployed.outputs['SourceBucket']}/{run.prefix}*")
    print(*described(plan), sep="\n")
    if not options.yes and asked("Go on? Type yes: ") != "yes":
        run.console.print("Nothing was done.")
        return 1
    driver = run.deploy(deployed)
    execution = _going_on(run, driver, plan.at_once) or driver.start(prefix=run.prefix, at_once=plan.at_once)
    try:
        last = _follow(run, driver, execution)
    except KeyboardInterrupt:
        run.console.print(f"The run continues. {_how(run)}")
        return 130
    except (BotoCoreError, ClientError) as error:
        raise LocalAwsError(f"{error}\nThe run continues all the same. {_how(run)}") from error
    return _ended(run, driver, execution, last)


def _how(run: Run) -> str:
    return f"The same command follows it; {run.again('--stop')} stops it."


def _going_on(run: Run, driver: BackfillDriver, at_once: int) -> str:
    """Return the run in progress, if any. Raises LocalAwsError if it was started with other options."""
    executions = driver.running()
    if not executions:
        return ""
    wanted, found = {"prefix": run.prefix, "at_once": at_once}, driver.input_of(executions[0])
    if found != wanted:
        said = f"a run with --prefix {found['prefix']!r} --at-once {found['at_once']} is in progress"
        stop = run.again("--stop")
        raise LocalAwsError(
            f"{said}, and only one can run at a time. Use the same options to follow it; {stop} stops it."
        )
    run.console.print("A run is in progress: this follows it, and starts no other.")
    return executions[0]


def _count(run: Run, deployed: Deployed) -> int:
    objects = 0
    with run.console.status("Counting") as status:
        for objects in listed(deployed.client, deployed.outputs["SourceBucket"], run.prefix):
            status.update(f"Counting: {objects:,} objects")
    return objects


def _follow(run: Run, driver: BackfillDriver, execution: str) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=run.console) as bar:
        task = bar.add_task("sent or done before", total=None)
        while (now := driver.progress(execution)).is_running:
            bar.update(task, total=now.objects, completed=now.done)
            time.sleep(LOOK_SECONDS[run.target])  # polls: nothing notifies this process
        bar.update(task, total=now.objects, completed=now.done)
    return now


def _ended(run: Run, driver: BackfillDriver, execution: str, now: Progress) -> int:
    if now.status != "SUCCEEDED":
        run.console.print(f"It ended as {now.status}. {now.why}".strip(), style="red", markup=False)
        run.console.print("The same command resumes it.")
        return 1
    counts = driver.counts(execution)
    words = {
        Found.SENT: "sent",
        Found.SHOWN: "had their result",
        Found.REJECTED: "were rejected before",
        Found.FOLDER: "are folders",
        Found.GONE: "are gone",
        Found.UNREADABLE: "cannot be read",
    }
    became = ", ".join(f"{counts[found]:,} {words[found]}" for found in Found if counts[found])
    run.console.print(f"{became or 'There was nothing'}. The pattern may still be working on the last ones.")
    if now.failed:
        run.console.print(
            f"{now.failed:,} are in batches that failed: the same command tries them again.", style="red"
        )
        return 1
    return 0


def _stop(run: Run, deployed: Deployed) -> int:
    driver = BackfillDriver(client=deployed.client, outputs=deployed.outputs)
    going_on = driver.running()
    for execution in going_on:
        driver.stop(execution)
    left = "Stopped. The function may go on sending its current batch, for at most four minutes."
    run.console.print(left if going_on else "No run is in progress.")
    return 0


def _whole(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10**9:
        raise argparse.ArgumentTypeError(
            f"invalid value {text!r}. Allowed: whole numbers from 1 to 1,000,000,000."
        )
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
