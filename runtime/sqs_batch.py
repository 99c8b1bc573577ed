"""Handling of SQS batches, message by message, for every function that reads a queue."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from runtime.events import job_id
from runtime.redelivery import come_again

logger = Logger()
metrics = Metrics()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of processing one message.

    metric: a member of the function's Metric enum; it names the CloudWatch metric and is the log message.
    facts: fields to log with it.
    """

    metric: str
    facts: Mapping[str, Any] = field(default_factory=dict)


Work = Callable[[dict[str, Any], LambdaContext], Outcome]
"""Processes one message (its JSON). If it raises, the message is retried."""
Handler = Callable[[dict[str, Any], LambdaContext], PartialItemFailureResponse]


def _about(body: str) -> dict[str, str]:
    """Return what a message is about, for the log, leaving out the uploader and their IP address.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    with suppress(ValueError, KeyError, TypeError):
        detail = json.loads(body)["detail"]
        if "job_id" in detail:
            return {"job_id": detail["job_id"]}
        if "taskArn" in detail:
            return {"task_arn": detail["taskArn"]}
        described, bucket = detail["object"], detail["bucket"]["name"]
        key, version = described["key"], described["version-id"]
        return {"job_id": job_id(bucket, key, version), "key": key, "version_id": version}
    return {}


def _again(record: SQSRecord) -> str:
    try:
        return f"{come_again(record)} s"
    except (BotoCoreError, ClientError) as error:
        return f"the queue's visibility timeout: {error}"


def each_message(work: Work) -> Handler:
    """Return a Lambda handler with partial batch responses: only failed messages are retried."""
    processor = BatchProcessor(event_type=EventType.SQS)

    def one(record: SQSRecord, lambda_context: LambdaContext) -> None:
        started = time.perf_counter()
        try:
            outcome = work(json.loads(record.body), lambda_context)
        except Exception:  # the processor itself does not log it
            again, about = _again(record), _about(record.body)
            logger.exception("Failed", message_id=record.message_id, about=about, again_in=again)
            metrics.add_metric(name="Failed", unit=MetricUnit.Count, value=1)
            raise
        logger.info(outcome.metric, **outcome.facts)
        metrics.add_metric(name=outcome.metric, unit=MetricUnit.Count, value=1)
        took = (time.perf_counter() - started) * 1000
        metrics.add_metric(name="Latency", unit=MetricUnit.Milliseconds, value=took)

    def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        return process_partial_response(event=event, record_handler=one, processor=processor, context=context)

    counted: Handler = metrics.log_metrics(handler, capture_cold_start_metric=True)
    logged: Handler = logger.inject_lambda_context(counted)
    return logged
