"""Thin Lambda handler: `track` does the work; clients are created once per execution environment."""

import os
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from lambda_src.tracker.environment import TrackerEnvironment
from lambda_src.tracker.track import Tracker
from runtime.jobs.removals import Removals
from runtime.jobs.table import JobStore
from runtime.jobs.wake_ups import WakeUps
from runtime.sqs_batch import Outcome, each_message, metrics

_patient = Config(retries={"mode": "standard", "total_max_attempts": 4})
_client = partial(boto3.client, config=_patient)
environment = TrackerEnvironment.from_variables(os.environ)
_table = boto3.resource("dynamodb", config=_patient).Table(environment.job_table)
tracker = Tracker(
    ecs=_client("ecs"),
    cluster=environment.cluster,
    cloudfront=_client("cloudfront"),
    distribution=environment.distribution,
    jobs=JobStore(table=_table),
    removals=Removals(table=_table),
    wake_ups=WakeUps(sqs=_client("sqs"), queue_url=environment.dispatcher_queue),
    count=lambda name, value: metrics.add_metric(name=name, unit=MetricUnit.Count, value=value),
)


def _work(message: dict[str, Any], _context: LambdaContext) -> Outcome:
    """Handle one stopped task, or one sweep."""
    return tracker.run(message)


handler = each_message(_work)
