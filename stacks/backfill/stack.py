"""A stack that feeds a pattern with the objects its bucket already had; deployed only while it is needed.

`python3 dev.py backfill --pattern LambdaPattern` deploys it with the pattern's outputs and starts it
(docs/backfill.md).
"""

from stacks import start  # isort: skip - before CDK
import aws_cdk as cdk
from constructs import Construct

from stacks.backfill.feeder import Feeder
from stacks.backfill.object_batches import ObjectBatches
from stacks.constructs.alarms import Alarms
from stacks.constructs.private_bucket import PrivateBucket
from stacks.settings import Settings

TOLD = ("SourceBucket", "OutputBucket", "Queue")
FED = {"LambdaPattern": TOLD, "HybridPattern": (*TOLD, "JobTable"), "QueuePattern": TOLD}
"""Patterns that read uploads from a queue, each with the outputs that this stack needs.

HybridPattern's dispatcher takes jobs off the queue before they are done; JobTable tells how many are open.
"""
KEEP_REPORTS = cdk.Duration.days(90)


class Backfill(cdk.Stack):
    """Listing of the source bucket -> batches, one after another -> function -> the pattern's queue.

    pattern: name of the pattern to feed.
    """

    def __init__(self, scope: Construct, construct_id: str, *, pattern: str, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description=f"Feeds {pattern} with objects that its bucket already had",
        )
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)
        about = f"Output of {pattern} with the same name"
        outputs = {
            name: cdk.CfnParameter(self, name, description=about).value_as_string for name in FED[pattern]
        }
        reports = PrivateBucket(self, "Reports", retain=settings.is_production, expiration=KEEP_REPORTS)
        feeder = Feeder(self, "Feeder", pattern=pattern, outputs=outputs, settings=settings, alarms=alarms)
        batches = ObjectBatches(
            self, "Batches", source=outputs["SourceBucket"], function=feeder, reports=reports
        )
        alarms.add(
            "Failed",
            metric=batches.failed,
            threshold=1,
            why="The backfill ended before it had sent every object.",
            runbook="backfill-failed",
        )
        for name, value in {
            "StateMachine": batches.state_machine_arn,
            "ReportsBucket": reports.bucket_name,
            "FunctionName": feeder.function_name,
            "LogGroup": feeder.log_group.log_group_name,
        }.items():
            cdk.CfnOutput(self, name, value=value)


def compose(scope: Construct, settings: Settings) -> None:
    """Create one stack per pattern, each to be deployed alone."""
    for pattern in FED:
        Backfill(scope, f"{pattern}Backfill", pattern=pattern, settings=settings)


if __name__ == "__main__":
    start.run(compose)
