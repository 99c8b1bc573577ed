"""Pattern 1, Lambda: event-driven and short-lived. Each uploaded photo becomes renditions within seconds."""

import aws_cdk as cdk
from constructs import Construct

from stacks.constructs.alarms import Alarms
from stacks.constructs.output_bucket import OutputBucket
from stacks.constructs.private_bucket import PrivateBucket
from stacks.lambda_pattern.renditions import Renditions
from stacks.settings import Settings


class LambdaPattern(cdk.Stack):
    """Source bucket -> EventBridge -> queue -> function -> output bucket.

    Two buckets, and no write access to the source: the function's output can never trigger it again.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description="Lambda pattern: photos to WebP renditions",
        )
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)

        source = PrivateBucket(self, "Source", versioned=True, events=True, retain=settings.is_production)
        output = OutputBucket(self, "Output", retain=settings.is_production)

        function = Renditions(
            self, "Function", source=source, output=output, settings=settings, alarms=alarms
        )
        uploads = function.uploads

        # On destroy, the source's listeners and the output's writers are deleted before buckets are emptied:
        # an object written after that would keep a bucket from being deleted.
        uploads.rule.node.add_dependency(source)
        function.node.add_dependency(output)

        cdk.CfnOutput(self, "SourceBucket", value=source.bucket_name, description="Upload photos here")
        cdk.CfnOutput(self, "OutputBucket", value=output.bucket_name, description="Renditions and manifests")
        for name, value in {
            "Queue": uploads.queue.queue_url,
            "DeadLetters": uploads.dead_letters.queue_url,
            "Undelivered": uploads.undelivered.queue_url,
            "LogGroup": function.log_group.log_group_name,
            "FunctionName": function.function_name,
        }.items():
            cdk.CfnOutput(self, name, value=value)
