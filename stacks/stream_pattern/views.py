"""The function that counts views, and its event source mapping."""

import aws_cdk as cdk
import aws_cdk.aws_dynamodb as dynamodb
import aws_cdk.aws_kinesis as kinesis
import aws_cdk.aws_lambda as lambda_
from constructs import Construct

from lambda_src.views.environment import ViewsEnvironment
from stacks.constructs.alarms import Alarms
from stacks.constructs.grants import allow, allow_objects
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.python_function import PythonFunction
from stacks.settings import Settings
from stacks.stream_pattern.record_alarms import watch_records

TIMEOUT = cdk.Duration.minutes(1)
MEMORY_MB = 512
BATCH = 2_000
"""Maximum records per batch; larger batches need fewer writes.

Lambda's limit of 6 MB per event applies as well:
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
"""
WINDOW = cdk.Duration.seconds(10)
RETRIES = 20
"""Retries of a batch. A batch that kills the process is bisected to one record; bisecting uses up no retry.
"""
MAX_AGE = cdk.Duration.hours(23)
"""Maximum record age: an hour before the stream's retention ends."""


class Views(PythonFunction):
    """Counts each record of the stream once: one batch per shard at a time, in the shard's order.

    A failed batch is retried from its first uncounted record. Records that keep failing are stored in full in
    `set_aside`: a queue would get only their sequence numbers, and the records may expire before somebody
    looks.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stream: kinesis.Stream,
        table: dynamodb.Table,
        set_aside: PrivateBucket,
        settings: Settings,
        alarms: Alarms,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            name="views",
            description="Counts views per image and minute from CloudFront's real-time logs",
            timeout=TIMEOUT,
            memory_size=MEMORY_MB,
            environment=ViewsEnvironment(
                table=table.table_name, set_aside_bucket=set_aside.bucket_name
            ).as_variables(),
            settings=settings,
            alarms=alarms,
        )
        self.mapping = lambda_.EventSourceMapping(
            self,
            "Records",
            target=self,
            event_source_arn=stream.stream_arn,
            # A re-created mapping misses no record, and counts none twice thanks to the marks in the table.
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=BATCH,
            max_batching_window=WINDOW,
            parallelization_factor=1,  # a shard's mark follows one batch at a time
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            retry_attempts=RETRIES,
            max_record_age=MAX_AGE,
            metrics_config=lambda_.MetricsConfig(metrics=[lambda_.MetricType.EVENT_COUNT]),
        )
        resource = self.mapping.node.default_child
        assert isinstance(resource, lambda_.CfnEventSourceMapping)
        # CDK's S3OnFailureDestination would let the function read and delete the bucket's objects.
        resource.destination_config = lambda_.CfnEventSourceMapping.DestinationConfigProperty(
            on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=set_aside.bucket_arn)
        )
        # https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html#kinesis-polling-permissions
        reading = ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")
        allow(self, [f"kinesis:{action}" for action in reading], stream.stream_arn)
        allow(self, ["dynamodb:GetItem", "dynamodb:UpdateItem"], table.table_arn)
        allow_objects(self, set_aside, {"s3:PutObject": ["aws/lambda/", "malformed/"]})
        allow(self, ["s3:ListBucket"], set_aside.bucket_arn)
        # Lambda checks these permissions when the mapping is created.
        self.mapping.node.add_dependency(self.role)
        watch_records(alarms, self, self.mapping, stream)
