"""Thin Lambda handler: `feed` does the work; clients are created once per execution environment."""

import os
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from lambda_src.backfill.environment import BackfillEnvironment
from lambda_src.backfill.feed import Batch, Feeder
from runtime.jobs.table import JobStore
from runtime.results import Output

logger = Logger()
_patient = Config(retries={"mode": "standard", "total_max_attempts": 4})
_client = partial(boto3.client, config=_patient)
environment = BackfillEnvironment.from_variables(os.environ)
_s3 = _client("s3")
feeder = Feeder(
    s3=_s3,
    bucket=environment.source_bucket,
    output=Output(s3=_s3, bucket=environment.output_bucket),
    sqs=_client("sqs"),
    queue_url=environment.queue_url,
)
if environment.job_table:
    _table = boto3.resource("dynamodb", config=_patient).Table(environment.job_table)
    feeder = replace(feeder, open_jobs=JobStore(table=_table).open)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle one batch of a listing, or what is left of it."""
    left = feeder.run(Batch.of(event), lambda: context.get_remaining_time_in_millis() / 1000)
    told = left.as_json()
    logger.info("Fed", left=len(left.keys), counts=told["Counts"])
    return told
