"""AWS shapes in and out; the work is in `job`, and what it works with is made once per environment."""

import json
import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from contract.output import Output
from contract.s3 import S3
from contract.source import ObjectEvent, parse_event
from imaging.limits import Limits
from lambda_src.renditions.job import Job
from lambda_src.renditions.labels import labeller, rekognition

LONGEST_JOB_MS = 40_000
"""Twice the slowest input within the limits: a batch that runs into its timeout fails as a whole."""

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(event_type=EventType.SQS)
s3 = S3()
job = Job(
    s3=s3,
    output=Output(s3=s3, bucket=os.environ["OUTPUT_BUCKET"]),
    limits=Limits(max_pixels=int(os.environ["MAX_PIXELS"]), max_bytes=int(os.environ["MAX_BYTES"])),
    labels=labeller(rekognition()) if os.environ["LABELS"] == "on" else None,
)


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """A batch of SQS messages, each one EventBridge event; only those that failed are delivered again."""
    return process_partial_response(event=event, record_handler=_record, processor=processor, context=context)


def _record(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """One message. What it raises brings the message back; the processor itself logs nothing of it."""
    try:
        if lambda_context.get_remaining_time_in_millis() < LONGEST_JOB_MS:
            raise TimeoutError("Too little time is left in this invocation; the message comes again.")
        _run(parse_event(json.loads(record.body)))
    except Exception:
        logger.exception("Failed", message_id=record.message_id, body=record.body)
        metrics.add_metric(name="Failed", unit=MetricUnit.Count, value=1)
        raise


def _run(event: ObjectEvent) -> None:
    outcome = job.run(event)
    logger.info(
        outcome.what, key=event.key, version_id=event.version_id, job_id=event.job_id, **outcome.facts
    )
    metrics.add_metric(name=outcome.what, unit=MetricUnit.Count, value=1)
