"""AWS shapes in and out; the work is in `dispatch`, and what it works with is made once per environment."""

import os
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from lambda_src.dispatcher.dispatch import Dispatcher
from runtime.imaging.limits import Limits
from runtime.jobs.table import Jobs
from runtime.jobs.tasks import Tasks
from runtime.placement.placement import Rules
from runtime.results import Output
from runtime.sqs_batch import Outcome, each_message
from runtime.work.scans import Scans
from runtime.work.uploads import THREADS
from runtime.work.works import Works

_patient = Config(retries={"mode": "standard", "total_max_attempts": 4}, max_pool_connections=2 * THREADS)
_client = partial(boto3.client, config=_patient)
_number = {
    name: int(os.environ[name]) for name in ("MAX_PIXELS", "MAX_BYTES", "LAMBDA_SECONDS", "TASK_SECONDS")
}
_s3 = _client("s3")
dispatcher = Dispatcher(
    jobs=Jobs(table=boto3.resource("dynamodb", config=_patient).Table(os.environ["JOB_TABLE"])),
    tasks=Tasks(
        ecs=_client("ecs"),
        cluster=os.environ["CLUSTER"],
        task_definition=os.environ["TASK_DEFINITION"],
        subnets=os.environ["SUBNETS"].split(","),
        security_group=os.environ["SECURITY_GROUP"],
        public_ip=os.environ["PUBLIC_IP"] == "on",
    ),
    works=Works(
        s3=_s3,
        output=Output(s3=_s3, bucket=os.environ["OUTPUT_BUCKET"]),
        url=os.environ["TILES_URL"],
        kinds=[Scans(limits=Limits(max_pixels=_number["MAX_PIXELS"], max_bytes=_number["MAX_BYTES"]))],
    ),
    rules=Rules(
        lambda_seconds=_number["LAMBDA_SECONDS"],
        lambda_memory_mb=int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", Rules().lambda_memory_mb)),
        lambda_disk_mb=int(os.environ["LAMBDA_DISK_MB"]),
        task_seconds=_number["TASK_SECONDS"],
    ),
    spot=os.environ["SPOT"] == "on",
)


def _work(message: dict[str, Any], context: LambdaContext) -> Outcome:
    """One event of the source bucket, or one call of a job that waits."""
    return dispatcher.run(message, lambda: context.get_remaining_time_in_millis() / 1000)


handler = each_message(_work)
