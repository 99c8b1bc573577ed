"""A function without Python: a shell script runs a program that numbers the lines of each uploaded text."""

from pathlib import Path

import aws_cdk as cdk
import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_lambda_event_sources as event_sources
from constructs import Construct

from stacks.constructs.alarms import Alarms
from stacks.constructs.event_queue import EventQueue, of_function
from stacks.constructs.function import Function
from stacks.constructs.grants import allow, allow_objects
from stacks.constructs.output_bucket import OutputBucket
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.s3_events import uploads
from stacks.settings import Settings

TIMEOUT = cdk.Duration.minutes(1)
MEMORY_MB = 512


class ShellFunction(cdk.Stack):
    """Source bucket -> EventBridge -> queue -> function on `provided.al2023` -> output bucket."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description="A function written in shell: numbers the lines of uploaded texts",
        )
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)
        source = PrivateBucket(self, "Source", versioned=True, events=True, retain=settings.is_production)
        output = OutputBucket(self, "Output", retain=settings.is_production)
        function = Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PROVIDED_AL2023,
            code=lambda_.Code.from_asset(str(Path(__file__).parent), exclude=["*.py", "__pycache__"]),
            handler="texts",
            description="Numbers the lines of each uploaded text; written in shell",
            timeout=TIMEOUT,
            memory_size=MEMORY_MB,
            environment={"OUTPUT_BUCKET": output.bucket_name, "URL_SUFFIX": cdk.Aws.URL_SUFFIX},
            settings=settings,
            alarms=alarms,
        )
        queue = EventQueue(
            self,
            "Uploads",
            pattern=uploads(source),
            visibility=of_function(TIMEOUT),
            alarms=alarms,
        )
        function.add_event_source(
            event_sources.SqsEventSource(
                queue.queue,
                batch_size=1,  # texts.sh handles one message
                max_concurrency=settings.max_concurrency,
                report_batch_item_failures=True,
            )
        )
        allow_objects(function, source, {"s3:GetObjectVersion": [""]})
        written = ["v/", "latest/", "rejected/"]
        allow_objects(function, output, {"s3:PutObject": written, "s3:GetObject": ["v/", "latest/"]})
        allow(function, ["s3:ListBucket"], source.bucket_arn, output.bucket_arn)  # a missing object is a 404
        queue.rule.node.add_dependency(source)
        function.node.add_dependency(output)

        cdk.CfnOutput(self, "SourceBucket", value=source.bucket_name, description="Upload texts here")
        cdk.CfnOutput(self, "OutputBucket", value=output.bucket_name, description="Numbered lines")
        for name, value in {
            "Queue": queue.queue.queue_url,
            "DeadLetters": queue.dead_letters.queue_url,
            "Undelivered": queue.undelivered.queue_url,
            "LogGroup": function.log_group.log_group_name,
            "FunctionName": function.function_name,
        }.items():
            cdk.CfnOutput(self, name, value=value)
