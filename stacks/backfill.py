"""What was in a pattern's bucket before, fed to its queue: a stack of its own, deployed while it is needed.

`python3 dev.py backfill --pattern LambdaPattern` deploys it with the pattern's outputs and starts it
(docs/backfill.md).
"""

from stacks import start  # isort: skip - before CDK
import aws_cdk as cdk
from constructs import Construct

from lambda_src.backfill.environment import BackfillEnvironment
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.alarms import Alarms
from stacks.constructs.grants import allow, policy_of
from stacks.constructs.object_batches import ObjectBatches
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.python_function import PythonFunction
from stacks.settings import Settings

PATTERNS = ("LambdaPattern", "HybridPattern", "QueuePattern")
"""Those that read uploads from a queue."""
WITH_JOBS = {"HybridPattern"}
"""Whose dispatcher takes a job off the queue before it is done."""
READ = ("latest/", "rejected/")
"""Prefixes in the output bucket: what keys show, and what was refused."""
TIMEOUT = cdk.Duration.minutes(5)
MEMORY_MB = 512
A_BATCH = 40
"""Objects: their keys fit into a child execution's 256 KiB however long they are.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""
KEEP_REPORTS = cdk.Duration.days(90)


class Backfill(cdk.Stack):
    """Listing of the source bucket -> batches, one after the other -> function -> the pattern's queue.

    pattern: which one is fed.
    """

    def __init__(self, scope: Construct, construct_id: str, *, pattern: str, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description=f"Feeds {pattern} with what was in its bucket before",
        )
        self._pattern = pattern
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)
        source, output = self._told("SourceBucket"), self._told("OutputBucket")
        queue = self._told("Queue", "The URL of")
        table = self._told("JobTable") if pattern in WITH_JOBS else ""

        reports = PrivateBucket(self, "Reports", retain=settings.is_production, expiration=KEEP_REPORTS)
        function = PythonFunction(
            self,
            "Feeder",
            name="backfill",
            description=f"Sends objects of a listing to the queue of {pattern}, as it has room for them",
            timeout=TIMEOUT,
            memory_size=MEMORY_MB,
            environment=BackfillEnvironment(
                source_bucket=source, output_bucket=output, queue_url=queue, job_table=table
            ).as_variables(),
            settings=settings,
            alarms=alarms,
        )
        source_arn, output_arn = (f"arn:{cdk.Aws.PARTITION}:s3:::{name}" for name in (source, output))
        allow(function, ["s3:GetObject"], *(f"{output_arn}/{prefix}*" for prefix in READ), f"{source_arn}/*")
        allow(function, ["s3:ListBucket"], source_arn, output_arn)  # what is missing is a 404, else a 403
        _acknowledge_objects(function)
        name_of_queue = cdk.Fn.select(4, cdk.Fn.split("/", queue))
        allow(
            function,
            ["sqs:GetQueueAttributes", "sqs:SendMessage"],
            self.format_arn(service="sqs", resource=name_of_queue),
        )
        if table:
            index = self.format_arn(service="dynamodb", resource="table", resource_name=f"{table}/index/open")
            allow(function, ["dynamodb:Query"], index)

        batches = ObjectBatches(
            self, "Batches", source=source, function=function, a_batch=A_BATCH, reports=reports
        )
        alarms.add(
            "Failed",
            metric=batches.failed,
            threshold=1,
            why="The backfill ended before all was sent.",
            runbook="backfill-failed",
        )
        for name, value in {
            "StateMachine": batches.state_machine_arn,
            "ReportsBucket": reports.bucket_name,
            "FunctionName": function.function_name,
            "LogGroup": function.log_group.log_group_name,
        }.items():
            cdk.CfnOutput(self, name, value=value)

    def _told(self, output: str, what: str = "The name of") -> str:
        """An output of the pattern's stack."""
        description = f"{what} it in the outputs of {self._pattern}"
        return cdk.CfnParameter(self, output, description=description).value_as_string


def _acknowledge_objects(function: PythonFunction) -> None:
    here = "arn:<AWS::Partition>:s3:::"
    names = [f"{here}<SourceBucket>/*", *(f"{here}<OutputBucket>/{prefix}*" for prefix in READ)]
    rules = (f"AwsSolutions-IAM5[Resource::{name}]" for name in names)
    acknowledge(
        policy_of(function), dict.fromkeys(rules, "Objects under a prefix have no other name in IAM.")
    )


def compose(scope: Construct, settings: Settings) -> None:
    """One per pattern, each to be deployed alone."""
    for pattern in PATTERNS:
        Backfill(scope, f"{pattern}Backfill", pattern=pattern, settings=settings)


if __name__ == "__main__":
    start.run(compose)
