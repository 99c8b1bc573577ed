"""The function that makes renditions, and its queue."""

import aws_cdk as cdk
import aws_cdk.aws_lambda_event_sources as event_sources
from constructs import Construct

from lambda_src.renditions.environment import RenditionsEnvironment
from stacks.constructs.alarms import Alarms
from stacks.constructs.event_queue import EventQueue, of_function
from stacks.constructs.grants import allow
from stacks.constructs.output_bucket import OutputBucket
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.python_function import ONE_VCPU_MB, PythonFunction
from stacks.constructs.s3_events import uploads_and_deletions
from stacks.settings import Settings

TIMEOUT = cdk.Duration.minutes(2)


class Renditions(PythonFunction):
    """Turns upload events into renditions in the output bucket. uploads: its queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: PrivateBucket,
        output: OutputBucket,
        settings: Settings,
        alarms: Alarms,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            name="renditions",
            description="Makes WebP renditions of each uploaded photo",
            timeout=TIMEOUT,
            memory_size=ONE_VCPU_MB,
            environment={
                **RenditionsEnvironment(
                    output_bucket=output.bucket_name,
                    max_pixels=settings.max_pixels,
                    max_bytes=settings.max_bytes,
                    labels=settings.labels == "on",
                ).as_variables(),
                "VIPS_CONCURRENCY": "1",
                "MALLOC_ARENA_MAX": "2",
            },
            settings=settings,
            alarms=alarms,
        )
        self.uploads = EventQueue(
            scope,
            "Uploads",
            pattern=uploads_and_deletions(source),
            visibility=of_function(TIMEOUT),
            alarms=alarms,
        )
        self.add_event_source(
            event_sources.SqsEventSource(
                self.uploads.queue,
                batch_size=1,  # a photo that kills its process takes no other with it
                max_concurrency=settings.max_concurrency,
                report_batch_item_failures=True,
            )
        )
        output.grant_publishing(self, source)
        if settings.labels == "on":
            allow(self, ["rekognition:DetectLabels"], "*")  # no resource-level permissions
