"""The function that tracks stopped tasks and recovers lost jobs, and its queue."""

import aws_cdk as cdk
import aws_cdk.aws_lambda_event_sources as event_sources
import aws_cdk.aws_sqs as sqs
from constructs import Construct

from lambda_src.tracker.environment import TrackerEnvironment
from stacks.constructs.alarms import Alarms
from stacks.constructs.event_queue import EventQueue, of_function
from stacks.constructs.grants import allow
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.tile_distribution import TileDistribution
from stacks.hybrid_pattern.worker import Worker
from stacks.settings import Settings

TIMEOUT = cdk.Duration.minutes(2)
MEMORY_MB = 256
MAX_CONCURRENCY = 2
"""Lambda's minimum; without a maximum, many stops at once could throttle functions that process uploads."""
SWEEP = cdk.Duration.minutes(5)


class Tracker(PythonFunction):
    """Receives an event for each stopped task, and sweeps every five minutes.

    queue: the dispatcher's, for wake-ups of waiting jobs. stops: the tracker's own queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        tiles: TileDistribution,
        worker: Worker,
        queue: sqs.Queue,
        settings: Settings,
        alarms: Alarms,
    ) -> None:
        self.stops = EventQueue(
            scope, "Stops", pattern=worker.stopped, visibility=of_function(TIMEOUT), alarms=alarms
        )
        self.stops.add_schedule("Sweep", SWEEP)
        super().__init__(
            scope,
            construct_id,
            name="tracker",
            description="Tracks stopped tasks and recovers lost jobs",
            timeout=TIMEOUT,
            memory_size=MEMORY_MB,
            environment={
                **TrackerEnvironment(
                    job_table=worker.jobs.table_name,
                    cluster=worker.cluster.cluster_name,
                    distribution=tiles.distribution_id,
                    dispatcher_queue=queue.queue_url,
                ).as_variables(),
            },
            settings=settings,
            alarms=alarms,
        )
        self.add_event_source(
            event_sources.SqsEventSource(
                self.stops.queue, max_concurrency=MAX_CONCURRENCY, report_batch_item_failures=True
            )
        )
        allow(self, ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"], worker.jobs.table_arn)
        allow(self, ["dynamodb:Query"], worker.jobs.index_arn)
        worker.grant_observe(self)
        allow(self, ["sqs:SendMessage"], queue.queue_arn)
        allow(self, ["cloudfront:CreateInvalidation"], tiles.distribution_arn)
