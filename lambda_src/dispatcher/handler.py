"""Thin Lambda handler: `dispatch` does the work; clients are created once per execution environment."""

import os
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from lambda_src.dispatcher.dispatch import Dispatcher
from lambda_src.dispatcher.environment import DispatcherEnvironment
from runtime.imaging.limits import Limits
from runtime.jobs.environment import LaunchEnvironment
from runtime.jobs.removals import Removals
from runtime.jobs.table import JobStore
from runtime.jobs.task_launcher import TaskLauncher
from runtime.placement.placement import Rules
from runtime.results import Output
from runtime.scratch import scratch_folder
from runtime.sqs_batch import Outcome, each_message
from runtime.work.environment import ScanEnvironment
from runtime.work.scans import Scans
from runtime.work.uploads import THREADS
from runtime.work.works import Works


def _trace_id() -> str:
    """Return the X-Ray trace ID of the invocation.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    header = os.environ.get("_X_AMZN_TRACE_ID", "")  # Root=1-...;Parent=...;Sampled=1
    return dict(part.partition("=")[::2] for part in header.split(";")).get("Root", "")


_patient = Config(retries={"mode": "standard", "total_max_attempts": 4}, max_pool_connections=2 * THREADS)
_client = partial(boto3.client, config=_patient)
environment = DispatcherEnvironment.from_variables(os.environ)
launch = LaunchEnvironment.from_variables(os.environ)
limits = ScanEnvironment.from_variables(os.environ)
_s3 = _client("s3")
_table = boto3.resource("dynamodb", config=_patient).Table(environment.job_table)
dispatcher = Dispatcher(
    jobs=JobStore(table=_table),
    tasks=TaskLauncher(ecs=_client("ecs"), launch=launch),
    works=Works(
        s3=_s3,
        output=Output(s3=_s3, bucket=environment.output_bucket, withdrawn=Removals(table=_table).add),
        url=environment.tiles_url,
        scratch=scratch_folder(),
        kinds=[Scans(limits=Limits(max_pixels=limits.max_pixels, max_bytes=limits.max_bytes))],
    ),
    rules=Rules(
        lambda_seconds=environment.lambda_seconds,
        lambda_memory_mb=int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", Rules().lambda_memory_mb)),
        lambda_disk_mb=environment.lambda_disk_mb,
        task_seconds=launch.task_seconds,
    ),
    spot=environment.spot,
    trace_id=_trace_id,
)


def _work(message: dict[str, Any], context: LambdaContext) -> Outcome:
    """Handle one event of the source bucket, or one wake-up of a waiting job."""
    return dispatcher.run(message, lambda: context.get_remaining_time_in_millis() / 1000)


handler = each_message(_work)
