"""Pattern 1, Lambda: event-driven and short-lived. Each uploaded photo becomes renditions within seconds."""

import aws_cdk as cdk
import aws_cdk.aws_events as events
import aws_cdk.aws_lambda_event_sources as event_sources
from constructs import Construct

from lambda_src.renditions.environment import RenditionsEnvironment
from stacks.constructs.alarms import Alarms
from stacks.constructs.event_queue import EventQueue
from stacks.constructs.grants import allow
from stacks.constructs.output_bucket import OutputBucket
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.python_function import PythonFunction
from stacks.settings import Settings

TIMEOUT = cdk.Duration.minutes(2)
ONE_VCPU = 1769
"""MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
BATCH = 10


class LambdaPattern(cdk.Stack):
    """Source bucket -> EventBridge -> queue -> function -> output bucket.

    Two buckets, and the function cannot write to the source: its own output can never start it again.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id, description="Lambda pattern: photos to WebP renditions")
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)

        source = PrivateBucket(self, "Source", versioned=True, events=True, retain=settings.is_production)
        output = OutputBucket(self, "Output", retain=settings.is_production)

        function = PythonFunction(
            self,
            "Function",
            name="renditions",
            description="Makes WebP renditions of each uploaded photo",
            timeout=TIMEOUT,
            memory_size=ONE_VCPU,
            environment={
                **RenditionsEnvironment(
                    output_bucket=output.bucket_name,
                    max_pixels=settings.max_pixels,
                    max_bytes=settings.max_bytes,
                    labels=settings.labels == "on",
                ).as_variables(),
                "POWERTOOLS_METRICS_NAMESPACE": "LambdaPattern",
                "VIPS_CONCURRENCY": "1",
                "MALLOC_ARENA_MAX": "2",
            },
            settings=settings,
            alarms=alarms,
        )
        uploads = EventQueue(
            self,
            "Uploads",
            pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created", "Object Deleted"],
                detail={"bucket": {"name": [source.bucket_name]}},
            ),
            reader_timeout=TIMEOUT,
            alarms=alarms,
        )
        function.add_event_source(
            event_sources.SqsEventSource(
                uploads.queue,
                batch_size=BATCH,
                max_concurrency=settings.max_concurrency,
                report_batch_item_failures=True,
            )
        )

        # On destroy, buckets are emptied once whatever listens to the source or writes to the output is gone:
        # an object written in between would keep the bucket from being deleted.
        uploads.rule.node.add_dependency(source)
        function.node.add_dependency(output)

        output.allow_publishing(function, source)
        if settings.labels == "on":
            allow(function, ["rekognition:DetectLabels"], "*")  # it has no resources

        cdk.CfnOutput(self, "SourceBucket", value=source.bucket_name, description="Upload photos here")
        cdk.CfnOutput(self, "OutputBucket", value=output.bucket_name, description="Renditions and manifests")
        cdk.CfnOutput(self, "Queue", value=uploads.queue.queue_url)
        cdk.CfnOutput(self, "DeadLetters", value=uploads.dead_letters.queue_url)
        cdk.CfnOutput(self, "Undelivered", value=uploads.undelivered.queue_url)
        cdk.CfnOutput(self, "LogGroup", value=function.log_group.log_group_name)
        cdk.CfnOutput(self, "FunctionName", value=function.function_name)
