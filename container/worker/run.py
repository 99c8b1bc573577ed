"""One attempt at a job, with the kinds of work of an entry point.

Exits with 0 when the job is done or has moved on without this attempt, 3 when it is rejected and 4 when it
should be retried; any other code, except those of a killed process, is a failure explained in the last line
of the log. ECS has no time limit for tasks, so the worker enforces one.
"""

import json
import os
import signal
import threading
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

import boto3
from botocore.config import Config

from container.worker.attempt import Attempt
from container.worker.environment import WorkerEnvironment
from runtime.exits import EXPECTED, StoppedError, exit_code
from runtime.jobs.removals import Removals
from runtime.jobs.table import JobStore
from runtime.jobs.task_launcher import ATTEMPT, JOB_ID, TRACE_ID
from runtime.log_lines import log_line
from runtime.results import Output
from runtime.task_s3 import task_s3
from runtime.work.uploads import THREADS
from runtime.work.work import Work
from runtime.work.works import Works

STOPPED = threading.Event()
"""Set once the task is told to stop."""


def main(kinds: Callable[[Mapping[str, str]], Sequence[Work]]) -> int:
    """Run one attempt; return the exit code. kinds: creates the kinds of work from environment variables."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        return _attempt(kinds(os.environ)).run()
    except (StoppedError, *EXPECTED) as error:
        return _said(*exit_code(error))


def _attempt(kinds: Sequence[Work]) -> Attempt:
    environment = WorkerEnvironment.from_variables(os.environ)
    config = Config(retries={"mode": "standard", "total_max_attempts": 5}, max_pool_connections=2 * THREADS)
    session = boto3.Session()
    s3 = session.client("s3", config=config)
    table = session.resource("dynamodb", config=config).Table(environment.job_table)
    return Attempt(
        job_id=os.environ[JOB_ID],
        number=int(os.environ[ATTEMPT]),
        task_arn=_task_arn(),
        seconds=environment.task_seconds,
        jobs=JobStore(table=table),
        works=Works(
            s3=s3,
            output=Output(
                s3=s3,
                bucket=environment.output_bucket,
                small=task_s3(session, connections=THREADS),
                withdrawn=Removals(table=table).add,
            ),
            url=environment.tiles_url,
            kinds=kinds,
            scratch=Path(os.environ["TMPDIR"]) if "TMPDIR" in os.environ else None,
        ),
        say=_said,
        is_stopped=STOPPED.is_set,
    )


def _task_arn() -> str:
    """Return this task's ARN from the metadata endpoint; "" outside ECS or if the endpoint fails.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
    """
    address = os.environ.get("ECS_CONTAINER_METADATA_URI_V4")
    if not address:
        return ""
    try:
        with urllib.request.urlopen(f"{address}/task", timeout=5) as answer:  # noqa: S310 - link-local
            return str(json.load(answer)["TaskARN"])
    except (OSError, ValueError, KeyError):
        return ""  # the dispatcher will have noted it


def _stop(_signal: int, _frame: FrameType | None) -> None:
    STOPPED.set()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not interrupt the clean-up
    raise StoppedError


def _said(code: int, why: str) -> int:
    """Log with the same field names as the functions, so that one query covers all logs; return the code."""
    whose = {"job_id": os.environ.get(JOB_ID, ""), "attempt": int(os.environ.get(ATTEMPT, "0"))}
    trace = {"xray_trace_id": os.environ[TRACE_ID]} if os.environ.get(TRACE_ID) else {}
    log_line(json.dumps({"message": why, "exit": code, **whose, **trace}))
    return code
