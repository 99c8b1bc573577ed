"""`python3 dev.py jobs`: where each scan is processed, why, and how far it has got.

`show ID`: the details of one job; `logs ID`: what the dispatcher, the task and the tracker logged about it;
`retry ID`: try a failed job again; `retry --state failed`: try all failed jobs again.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from runtime.jobs.record import Job, State
from tools.drivers.hybrid_pattern import HybridDriver, LogLine
from tools.local_aws import running
from tools.local_aws.aws import LocalAwsError

STACK = "HybridPattern"
SHOWN = 12
"""Digits of an id in the table; any unique prefix works for show, logs and retry."""
FACTS = (
    *("attempt", "state", "placement", "explanation", "why", "exit", "exception_name", "again_in"),
    "xray_trace_id",
)
"""Fields of a JSON log line that are shown after its message."""
COLOURS = {State.DONE: "green", State.FAILED: "red", State.REJECTED: "yellow"}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py jobs", description=__doc__)
    parser.add_argument(
        "--target", choices=("local", "aws"), default="local", help="local: the local AWS of demo --keep"
    )
    parser.add_argument("--profile", help="AWS profile, with --target aws")
    parser.add_argument("--state", type=State, choices=[*State], help="only jobs in this state")
    parser.add_argument("what", nargs="?", choices=("list", "show", "logs", "retry"), default="list")
    parser.add_argument("id", nargs="?", help="id of a job, or its first digits")
    options = parser.parse_args(arguments)
    all_failed = options.what == "retry" and options.state is State.FAILED
    if (options.what == "list" or all_failed) is bool(options.id):
        parser.error("show, logs and retry take an id, except retry --state failed; list takes none.")
    console = Console()
    try:
        found = running.find(STACK, options.target, options.profile)
        driver = HybridDriver(
            client=found.client, resource=found.resource, outputs=found.outputs, endpoint=found.endpoint
        )
        unreadable: list[str] = []
        jobs = sorted(driver.jobs.all(unreadable), key=lambda job: job.created_at)
        for job_id in unreadable:
            console.print(f"The record of {job_id} cannot be read: its job is left out.", style="yellow")
        if options.what == "list":
            wanted = [job for job in jobs if options.state in (None, job.state)]
            console.print(table(wanted) if wanted else "There are no matching jobs.")
        elif options.what == "show":
            show(console, _one(jobs, options.id))
        elif options.what == "logs":
            logs(console, driver.logs(_one(jobs, options.id)))
        elif all_failed:
            failed = [job for job in jobs if job.state is State.FAILED]
            again = sum(driver.retry(job.job_id) for job in failed)
            console.print(f"{again} of {len(failed)} failed jobs start again.")
        else:
            return _retry(console, driver, _one(jobs, options.id))
    except (LocalAwsError, BotoCoreError, ClientError) as error:
        console.print(f"Error: {error}", style="red", markup=False)
        return 1
    return 0


def table(jobs: Sequence[Job]) -> Table:
    """Return a table with a row per job, in the given order."""
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("job", "scan", "state"):
        found.add_column(heading, no_wrap=True)
    for heading in ("done", "tries", "time"):
        found.add_column(heading, justify="right", no_wrap=True)
    found.add_column("where and why")
    for job in jobs:
        state = f"[{COLOURS.get(job.state, 'cyan')}]{job.state}[/]"
        found.add_row(
            job.job_id[:SHOWN],
            escape(job.key),
            state,
            f"{job.percent} %",
            str(job.attempt),
            f"{(job.ended_at or time.time()) - job.created_at:,.0f} s",
            escape(job.message or job.placement),
        )
    return found


def show(console: Console, job: Job) -> None:
    """Print the details of one job: what, where, why, and its failed attempts."""
    size = f", {job.cpu / 1024:g} vCPU, {job.memory_mb / 1024:g} GB" if job.where == "fargate" else ""
    lines = {
        "job": job.job_id,
        "scan": f"{job.key} ({job.bytes:,} bytes, version {job.version_id})",
        "state": f"{job.state}, {job.percent} %, attempt {job.attempt}",
        "where": f"{job.where or 'nowhere'}{size}",
        "why": job.placement,
        "decided by": job.decided_by,
        "task": job.task_arn,
        "message": job.message,
        **{f"attempt {one.attempt}": f"{one.where}: {one.why}" for one in job.tries},
    }
    for name, value in lines.items():
        if value:
            console.print(f"{name:<11} {value}", markup=False, highlight=False)


def logs(console: Console, lines: Sequence[LogLine]) -> None:
    """Print a line per log line: when, who, what, and the fields that say why."""
    if not lines:
        console.print("Nothing has been logged about it yet, or its logs have expired.")
    for line in lines:
        at = datetime.fromtimestamp(line.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        said = f"{at} {line.who:<10} {_said(line.text)}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)


def _said(text: str) -> str:
    try:
        entry = json.loads(text)
    except ValueError:
        return text
    facts = [f"{name}={entry[name]}" for name in FACTS if entry.get(name) not in (None, "")]
    return " ".join([str(entry.get("message", "")), *facts])


def _one(jobs: Sequence[Job], start: str) -> Job:
    found = [job for job in jobs if job.job_id.startswith(start)]
    if not found:
        raise LocalAwsError(f"No job begins with {start!r}: look at `jobs list`.")
    if len(found) > 1:
        raise LocalAwsError(
            f"{len(found)} jobs begin with {start!r}: give more digits, or look at `jobs list`."
        )
    return found[0]


def _retry(console: Console, driver: HybridDriver, job: Job) -> int:
    if not driver.retry(job.job_id):
        console.print(
            f"Error: {job.job_id} is {job.state}: only failed jobs can be tried again.", style="red"
        )
        return 1
    console.print(f"{job.job_id} starts again, as attempt {job.attempt + 1}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
