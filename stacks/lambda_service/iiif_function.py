"""The application of container/service as a function, and the alias that its URL belongs to."""

import aws_cdk as cdk
import aws_cdk.aws_lambda as lambda_
from constructs import Construct

from container.service.environment import ServiceEnvironment
from lambda_src.iiif.limits import MAX_ANSWER_BYTES
from stacks.constructs.alarms import Alarms
from stacks.constructs.grants import allow, allow_objects
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.python_function import ONE_VCPU_MB, PythonFunction
from stacks.settings import Settings

TIMEOUT = cdk.Duration.seconds(30)
"""Above the service's own deadline of 15 s plus a cold start, so that viewers see the service's error."""
WARM = 1
"""Number of execution environments that `warm=provisioned` keeps initialised."""


class IiifFunction(PythonFunction):
    """A function that only reads the source.

    live: the alias, which exists from the first deploy whatever `warm` is. A URL's qualifier cannot be
    updated: `AWS::Lambda::Url` would be replaced, and its address would change.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: PrivateBucket,
        settings: Settings,
        alarms: Alarms,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            name="iiif",
            description="Serves images by the IIIF Image API",
            timeout=TIMEOUT,
            memory_size=ONE_VCPU_MB,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if settings.warm == "snapstart" else None,
            environment={
                **ServiceEnvironment(
                    source_bucket=source.bucket_name,
                    trust_forwarded_host=True,
                    metrics_namespace=cdk.Stack.of(scope).stack_name,
                    max_pixels=settings.max_pixels,
                    max_bytes=settings.max_bytes,
                    max_answer_bytes=MAX_ANSWER_BYTES,
                    workers=1,
                    # 552 MiB: 100 million pixels decoded, at 5.33 bytes each, and a file of up to 43 MiB.
                    # A larger cache would leave less than the gigabyte that decoding takes
                    # (docs/benchmarks.md).
                    cache_mb=ONE_VCPU_MB * 5 // 16,
                    spare_mb=ONE_VCPU_MB // 8,
                ).as_variables(),
                "VIPS_CONCURRENCY": "1",
                "MALLOC_ARENA_MAX": "2",
            },
            settings=settings,
            alarms=alarms,
        )
        cdk.Annotations.of(self).acknowledge_warning(
            "@aws-cdk/aws-lambda:snapStartRequirePublish", "The alias points to a published version."
        )
        self.live = lambda_.Alias(
            scope,
            "Live",
            alias_name="live",
            version=self.current_version,
            provisioned_concurrent_executions=WARM if settings.warm == "provisioned" else None,
        )
        allow_objects(self, source, {"s3:GetObject": [""]})
        # With s3:ListBucket, a missing object gives 404 instead of 403:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        allow(self, ["s3:ListBucket"], source.bucket_arn)
