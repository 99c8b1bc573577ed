"""A cold start, with imports, clients and the first photo.

coldstart.py handler|boto3|tracer|iiif ENDPOINT SIZE
handler: ours. boto3: the same with boto3's client. tracer: as boto3, with Powertools' Tracer too.
iiif: the image service's function, whose first request is for the photo.
"""

import json
import os
import sys
from dataclasses import dataclass

variant, os.environ["AWS_ENDPOINT_URL"], size = sys.argv[1], sys.argv[2], sys.argv[3]
os.environ.update(
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",  # noqa: S106
    AWS_DEFAULT_REGION="us-east-1",
    AWS_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    OUTPUT_BUCKET="output",
    SOURCE_BUCKET="source",
    MAX_PIXELS="100000000",
    MAX_BYTES="104857600",
    LABELS="off",
    POWERTOOLS_SERVICE_NAME="renditions",
    POWERTOOLS_METRICS_NAMESPACE="LambdaPattern",
    POWERTOOLS_LOG_LEVEL="WARNING",
)

if variant == "iiif":
    from lambda_src.iiif.handler import handler as serve
    from tests.support.function_url import event
    from tests.support.lambda_context import Context as AnyContext

    served = serve(event("/iiif/3/a.jpg/full/320,/0/default.webp"), AnyContext(aws_request_id="1"))
    assert served["statusCode"] == 200, served
    sys.exit()
if variant != "handler":
    import boto3

    import runtime.slim_s3

    runtime.slim_s3.S3 = lambda: boto3.client("s3")
if variant == "tracer":
    os.environ.update(POWERTOOLS_TRACE_ENABLED="true", AWS_XRAY_CONTEXT_MISSING="IGNORE_ERROR")
    from aws_lambda_powertools import Tracer

    Tracer(service="renditions")

from lambda_src.renditions.handler import handler  # noqa: E402


@dataclass
class Context:
    """The part of Lambda's context that Powertools reads."""

    function_name: str = "renditions"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:renditions"
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 100_000


described = {"key": "a.jpg", "version-id": "1", "sequencer": "1", "size": int(size)}
body = {"detail-type": "Object Created", "detail": {"bucket": {"name": "source"}, "object": described}}
record = {
    "messageId": "0",
    "body": json.dumps(body),
    "eventSource": "aws:sqs",
    "attributes": {},
    "messageAttributes": {},
}
answer = handler({"Records": [record]}, Context())
assert answer == {"batchItemFailures": []}, answer
