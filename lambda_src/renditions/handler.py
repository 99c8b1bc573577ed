"""Thin Lambda handler: `upload` does the work; clients are created once per execution environment."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambda_src.renditions.environment import RenditionsEnvironment
from lambda_src.renditions.labels import labeller, rekognition
from lambda_src.renditions.photos import Photos
from lambda_src.renditions.upload import UploadProcessor
from runtime.events import parse_event
from runtime.imaging.limits import Limits
from runtime.results import Output
from runtime.slim_s3 import S3
from runtime.sqs_batch import Outcome, each_message

environment = RenditionsEnvironment.from_variables(os.environ)
s3 = S3()
processor = UploadProcessor(
    s3=s3,
    output=Output(s3=s3, bucket=environment.output_bucket),
    work=Photos(
        limits=Limits(max_pixels=environment.max_pixels, max_bytes=environment.max_bytes),
        labels=labeller(rekognition()) if environment.labels else None,
    ),
)


def _work(message: dict[str, Any], _context: LambdaContext) -> Outcome:
    """Handle one EventBridge event of the source bucket."""
    event = parse_event(message)
    outcome = processor.run(event)
    facts = {"key": event.key, "version_id": event.version_id, "job_id": event.job_id, **outcome.facts}
    return Outcome(metric=outcome.metric, facts=facts)


handler = each_message(_work)
