"""What was in a pattern's bucket before, fed to its queue: a stack of its own, deployed while it is needed.

`python3 dev.py backfill --pattern LambdaPattern` deploys it with the pattern's outputs and starts it
(docs/backfill.md).
"""

from stacks import start  # isort: skip - before CDK
import aws_cdk as cdk
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_stepfunctions as sfn
import aws_cdk.aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambda_src.backfill.environment import BackfillEnvironment
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.alarms import PERIOD, Alarms
from stacks.constructs.grants import allow, policy_of
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.python_function import PythonFunction
from stacks.settings import Settings

PATTERNS = ("LambdaPattern", "HybridPattern", "QueuePattern")
"""Those that read uploads from a queue."""
WITH_JOBS = {"HybridPattern"}
"""Whose dispatcher takes a job off the queue before it is done."""
TIMEOUT = cdk.Duration.minutes(5)
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
            memory_size=512,
            environment=BackfillEnvironment(
                source_bucket=source, output_bucket=output, queue_url=queue, job_table=table
            ).as_variables(),
            settings=settings,
            alarms=alarms,
        )
        source_arn, output_arn = (f"arn:{cdk.Aws.PARTITION}:s3:::{name}" for name in (source, output))
        allow(function, ["s3:GetObject"], f"{source_arn}/*")
        allow(function, ["s3:GetObject"], f"{output_arn}/latest/*", f"{output_arn}/rejected/*")
        allow(function, ["s3:ListBucket"], source_arn, output_arn)  # what is missing is a 404, else a 403
        name_of_queue = cdk.Fn.select(4, cdk.Fn.split("/", queue))
        allow(
            function,
            ["sqs:GetQueueAttributes", "sqs:SendMessage"],
            self.format_arn(service="sqs", resource=name_of_queue),
        )
        if table:
            index = self.format_arn(service="dynamodb", resource="table", resource_name=f"{table}/index/open")
            allow(function, ["dynamodb:Query"], index)

        machine = self._machine(source, function, reports)
        alarms.add(
            "Failed",
            metric=machine.metric_failed(period=PERIOD),
            threshold=1,
            why="The backfill ended before all was sent.",
            runbook="backfill-failed",
        )
        for name, value in {
            "StateMachine": machine.state_machine_arn,
            "ReportsBucket": reports.bucket_name,
            "FunctionName": function.function_name,
            "LogGroup": function.log_group.log_group_name,
        }.items():
            cdk.CfnOutput(self, name, value=value)

    def _told(self, output: str, what: str = "The name of") -> str:
        """An output of the pattern's stack."""
        description = f"{what} it in the outputs of {self._pattern}"
        return cdk.CfnParameter(self, output, description=description).value_as_string

    def _machine(self, source: str, function: PythonFunction, reports: PrivateBucket) -> sfn.StateMachine:
        """Its input: `prefix` of the keys, and `at_once`, how much the pattern may have to do."""
        feed = tasks.LambdaInvoke(
            self, "Feed", lambda_function=function, output_path="$.Payload", retry_on_service_exceptions=False
        )
        feed.add_retry(
            errors=[sfn.Errors.ALL], interval=cdk.Duration.seconds(5), max_attempts=5, backoff_rate=3
        )
        left = sfn.Choice(self, "Left").when(sfn.Condition.is_present("$.Items[0]"), feed)
        objects = sfn.DistributedMap(
            self,
            "Objects",
            label="Objects",
            max_concurrency=1,  # each looks how much room there is
            item_reader=sfn.S3ObjectsItemReader(
                bucket=s3.Bucket.from_bucket_name(self, "Source", source),
                prefix=sfn.JsonPath.string_at("$.prefix"),
            ),
            item_selector={"key": sfn.JsonPath.string_at("$$.Map.Item.Value.Key")},
            item_batcher=sfn.ItemBatcher(
                max_items_per_batch=A_BATCH, batch_input={"at_once": sfn.JsonPath.number_at("$.at_once")}
            ),
            result_writer_v2=sfn.ResultWriterV2(bucket=reports, prefix="runs"),
            tolerated_failure_percentage=10,
        )
        objects.item_processor(feed.next(left.otherwise(sfn.Succeed(self, "Fed"))))
        machine = sfn.StateMachine(
            self,
            "Machine",
            definition_body=sfn.DefinitionBody.from_chainable(objects),
            comment=f"Feeds {self._pattern} with what was in its bucket before",
            tracing_enabled=True,
        )
        return machine


def compose(scope: Construct, settings: Settings) -> None:
    """One per pattern, each to be deployed alone."""
    for pattern in PATTERNS:
        Backfill(scope, f"{pattern}Backfill", pattern=pattern, settings=settings)


if __name__ == "__main__":
    start.run(compose)
