"""Thin Lambda handler: `batch` does the work; clients are created once per execution environment."""

import base64
import os
import time
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from lambda_src.views.batch import Batches, Read
from lambda_src.views.counters import Counters
from lambda_src.views.environment import ViewsEnvironment
from lambda_src.views.log_lines import MalformedError, read_line
from lambda_src.views.metrics import Metric

logger = Logger()
metrics = Metrics()
# CALL_SECONDS, in batch.py, follows from these.
_patient = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,  # DynamoDB has its own: botocore's takes a fifth of a batch's CPU
)
_client = partial(boto3.client, config=_patient)
environment = ViewsEnvironment.from_variables(os.environ)
batches = Batches(
    counters=Counters(dynamodb=_client("dynamodb"), table=environment.table, clock=time.time),
    s3=_client("s3"),
    set_aside=environment.set_aside_bucket,
)
processor = BatchProcessor(event_type=EventType.KinesisDataStreams, raise_on_entire_batch_failure=False)


def _read(record: KinesisStreamRecord) -> Read:
    """Parse a record. An error in it is returned, not raised, since a retry would change nothing."""
    kinesis: dict[str, str] = record["kinesis"]
    data = base64.b64decode(kinesis["data"])
    try:
        found = read_line(data, float(record["kinesis"]["approximateArrivalTimestamp"]))
    except MalformedError as error:
        return Read(kinesis["sequenceNumber"], data, kinesis["partitionKey"], error)
    return Read(kinesis["sequenceNumber"], data, kinesis["partitionKey"], found)


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Count a batch of one shard. Returns the first record not counted: Lambda retries from there."""
    records = event["Records"]
    stream = records[0]["eventSourceARN"].rpartition("/")[2]
    shard = f"{stream}/{records[0]['eventID'].partition(':')[0]}"
    with processor(records=records, handler=_read):
        results = processor.process()
    unread = [int(str(one["itemIdentifier"])) for one in processor.response()["batchItemFailures"]]
    read = [result for status, result, _ in results if status == "success"]
    done = batches.count(
        shard,
        (one for one in read if not unread or int(one.sequence) < min(unread)),
        lambda: context.get_remaining_time_in_millis() / 1000,
    )
    if unread and not done.again:
        done.again, done.why = str(min(unread)), repr(processor.exceptions[0][1])
    if done.again:
        left = sum(int(record["kinesis"]["sequenceNumber"]) >= int(done.again) for record in records)
        done.counts[Metric.NOT_COUNTED] = left
        logger.error("Not counted", shard=shard, sequence=done.again, why=done.why)
    for name, value in (+done.counts).items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    logger.info("Counted", shard=shard, records=len(records), counts=dict(+done.counts))
    return {"batchItemFailures": [{"itemIdentifier": done.again}] if done.again else []}
