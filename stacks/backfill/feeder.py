"""The function that sends listed objects to a pattern's queue."""

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import Construct

from lambda_src.backfill.environment import BackfillEnvironment
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.alarms import Alarms
from stacks.constructs.grants import allow, default_policy
from stacks.constructs.python_function import PythonFunction
from stacks.settings import Settings

TIMEOUT = cdk.Duration.minutes(5)
MEMORY_MB = 512
READ = ("latest/", "rejected/")
"""Prefixes of the output bucket that the function may read: the pointers of keys, and the rejections."""


class Feeder(PythonFunction):
    """Reads the pattern's buckets, queue attributes and open jobs; writes only to its queue.

    outputs: the pattern's outputs by name: SourceBucket, OutputBucket, Queue, and JobTable if it has one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pattern: str,
        outputs: Mapping[str, str],
        settings: Settings,
        alarms: Alarms,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            name="backfill",
            description=f"Sends listed objects to the queue of {pattern} while it has capacity",
            timeout=TIMEOUT,
            memory_size=MEMORY_MB,
            environment=BackfillEnvironment(
                source_bucket=outputs["SourceBucket"],
                output_bucket=outputs["OutputBucket"],
                queue_url=outputs["Queue"],
                job_table=outputs.get("JobTable", ""),
            ).as_variables(),
            settings=settings,
            alarms=alarms,
        )
        stack = cdk.Stack.of(self)
        source, output = (
            stack.format_arn(service="s3", region="", account="", resource=outputs[name])
            for name in ("SourceBucket", "OutputBucket")
        )
        allow(self, ["s3:GetObject"], f"{source}/*", *(f"{output}/{prefix}*" for prefix in READ))
        allow(self, ["s3:ListBucket"], source, output)  # else a missing object gives 403, not 404
        queue = cdk.Fn.select(4, cdk.Fn.split("/", outputs["Queue"]))  # the queue's name, from its URL
        allow(
            self,
            ["sqs:GetQueueAttributes", "sqs:SendMessage"],
            stack.format_arn(service="sqs", resource=queue),
        )
        if table := outputs.get("JobTable"):
            index = stack.format_arn(
                service="dynamodb", resource="table", resource_name=f"{table}/index/open"
            )
            allow(self, ["dynamodb:Query"], index)
        here = "arn:<AWS::Partition>:s3:::"
        objects = [f"{here}<SourceBucket>/*", *(f"{here}<OutputBucket>/{prefix}*" for prefix in READ)]
        rules = (f"AwsSolutions-IAM5[Resource::{name}]" for name in objects)
        acknowledge(default_policy(self), dict.fromkeys(rules, "A prefix needs a wildcard in IAM."))
