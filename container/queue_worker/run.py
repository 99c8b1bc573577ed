"""Starts the service with the kinds of work of an entry point, and stops it on a signal."""

import json
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from container.queue_worker.consume import FINISH_SECONDS, Consumer
from container.queue_worker.environment import QueueWorkerEnvironment
from container.queue_worker.handle import Ending, Handler
from container.queue_worker.metrics import Metric, line
from container.queue_worker.protection import Protection
from runtime.exits import StoppedError
from runtime.log_lines import log_line
from runtime.placement.one_size import TaskSize
from runtime.results import Output, version_prefix
from runtime.task_s3 import task_s3
from runtime.work.uploads import THREADS
from runtime.work.work import Work
from runtime.work.works import Works

TOLD = "Told to stop"
"""Logged when the task is told to stop."""
MARGIN_MINUTES = 5
"""How many minutes longer scale-in protection lasts than the longest job."""
SWALLOWED_SECONDS = 2
"""Interval in seconds at which StoppedError is raised again until the job has ended, since Python ignores
what a signal handler raises in a finaliser or a callback.
"""


def main(kinds: Callable[[Mapping[str, str]], Sequence[Work]]) -> int:
    """Run the service until it is told to stop; return the exit code.

    kinds: creates the kinds of work from environment variables.
    """
    stopping = threading.Event()
    consumer = _consumer(kinds(os.environ), stopping)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()
        told = {"message": TOLD, "is_working": consumer.is_working}
        os.write(1, f"{json.dumps(told)}\n".encode())  # the main thread may be in the middle of a print
        if consumer.is_working:
            signal.setitimer(signal.ITIMER_REAL, FINISH_SECONDS, SWALLOWED_SECONDS)

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        if consumer.is_working:
            raise StoppedError

    signal.signal(signal.SIGALRM, give_up)
    signal.signal(signal.SIGTERM, stop)
    try:
        return consumer.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)  # without it, SIGALRM could kill Python while it exits


def _consumer(kinds: Sequence[Work], stopping: threading.Event) -> Consumer:
    told = QueueWorkerEnvironment.from_variables(os.environ)
    config = Config(
        connect_timeout=5,  # so that an invalidation without a route to CloudFront fails within a minute
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=2 * THREADS,
    )
    session = boto3.Session()
    client: Callable[[str], Any] = partial(session.client, config=config)
    s3 = client("s3")

    def say(metric: Metric, facts: Mapping[str, Any], milliseconds: float | None) -> None:
        log_line(line(told.metrics_namespace, metric, facts, milliseconds))

    removed: set[str] = set()
    """Jobs whose results the current message removes. Afterwards, their paths are invalidated."""

    handler = Handler(
        works=Works(
            s3=s3,
            output=Output(
                s3=s3,
                bucket=told.output_bucket,
                small=task_s3(session, connections=THREADS),
                withdrawn=removed.add,
            ),
            url=told.tiles_url,
            kinds=kinds,
            scratch=Path(os.environ["TMPDIR"]) if "TMPDIR" in os.environ else None,
        ),
        size=TaskSize(
            vcpus=told.vcpus, memory_mb=told.memory_mb, disk_gib=told.disk_gib, seconds=told.job_seconds
        ),
    )

    def handle(body: str) -> Ending:
        try:
            return handler.run(body)
        finally:
            while removed:
                forget(removed.pop())

    def forget(job_id: str) -> None:
        """Invalidate the paths of a job's results.

        This may fail, since CloudFront limits the number of invalidations in progress; then the results
        expire from its cache within a day.
        """
        try:
            _invalidate(client("cloudfront"), told.distribution, job_id)
        except (BotoCoreError, ClientError) as error:
            say(Metric.NOT_INVALIDATED, {"job_id": job_id, "why": str(error)}, None)

    return Consumer(
        sqs=client("sqs"),
        queue_url=told.queue_url,
        hidden_seconds=told.hidden_seconds,
        handle=handle,
        protection=Protection(
            agent=os.environ.get("ECS_AGENT_URI", ""),
            minutes=told.job_seconds // 60 + MARGIN_MINUTES,
            wait=stopping.wait,
        ),
        say=say,
        stopping=stopping,
    )


def _invalidate(cloudfront: Any, distribution: str, job_id: str) -> None:
    """Create an invalidation.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html
    """
    cloudfront.create_invalidation(
        DistributionId=distribution,
        InvalidationBatch={
            "Paths": {"Quantity": 1, "Items": [f"/{version_prefix(job_id)}*"]},
            "CallerReference": f"{job_id}-{os.urandom(8).hex()}",
        },
    )
