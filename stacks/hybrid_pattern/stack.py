"""Pattern 3, the hybrid: a Lambda triggers a Fargate task. Huge scans become zoomable tiles."""

from dataclasses import asdict

import aws_cdk as cdk
import aws_cdk.aws_events as events
import aws_cdk.aws_lambda_event_sources as event_sources
from constructs import Construct

from lambda_src.dispatcher.environment import DispatcherEnvironment
from lambda_src.tracker.environment import TrackerEnvironment
from runtime.work.environment import ScanEnvironment, WorkEnvironment
from stacks.constructs.alarms import Alarms
from stacks.constructs.event_queue import EventQueue
from stacks.constructs.grants import allow
from stacks.constructs.output_bucket import OutputBucket
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.python_function import PythonFunction
from stacks.hybrid_pattern.job_alarms import watch_jobs
from stacks.hybrid_pattern.job_table import JobTable
from stacks.hybrid_pattern.tile_distribution import TileDistribution
from stacks.hybrid_pattern.worker import Worker
from stacks.network import Network
from stacks.settings import Settings

DISPATCHER_TIMEOUT = cdk.Duration.minutes(5)
LAMBDA_SECONDS = 120
"""Work estimated longer goes to a task: runtime/placement/placement.py."""
TRACKER_TIMEOUT = cdk.Duration.minutes(2)
ONE_VCPU = 1769
"""MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
TRACKER_MEMORY = 256
DISK_MB = 512
SWEEP = cdk.Duration.minutes(5)
NAMESPACE = "HybridPattern"


class HybridPattern(cdk.Stack):
    """Source bucket -> queue -> dispatcher -> itself, or a task -> output bucket -> CloudFront.

    Every task that stops is told to the tracker, which also looks every five minutes for jobs that nobody
    heard of again.
    """

    def __init__(self, scope: Construct, construct_id: str, *, network: Network, settings: Settings) -> None:
        super().__init__(scope, construct_id, description="Hybrid pattern: huge scans to zoomable tiles")
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)

        source = PrivateBucket(self, "Source", versioned=True, events=True, retain=settings.is_production)
        output = OutputBucket(self, "Output", retain=settings.is_production)
        tiles = TileDistribution(self, "Tiles", bucket=output)
        jobs = JobTable(self, "Jobs", retain=settings.is_production)

        work = WorkEnvironment(
            job_table=jobs.table_name, output_bucket=output.bucket_name, tiles_url=tiles.url
        )
        limits = ScanEnvironment(max_pixels=settings.max_scan_pixels, max_bytes=settings.max_scan_bytes)
        worker = Worker(self, "Worker", work=work, limits=limits, network=network, settings=settings)

        uploads = EventQueue(
            self,
            "Uploads",
            pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created", "Object Deleted"],
                detail={"bucket": {"name": [source.bucket_name]}},
            ),
            reader_timeout=DISPATCHER_TIMEOUT,
            alarms=alarms,
        )
        dispatcher = PythonFunction(
            self,
            "Dispatcher",
            name="dispatcher",
            description="Decides where each scan is made into tiles, and does the small ones itself",
            timeout=DISPATCHER_TIMEOUT,
            memory_size=ONE_VCPU,
            ephemeral_storage=cdk.Size.mebibytes(DISK_MB),
            environment={
                **DispatcherEnvironment(
                    **asdict(work),
                    **worker.where,
                    lambda_seconds=LAMBDA_SECONDS,
                    lambda_disk_mb=DISK_MB - 12,  # what else may lie in /tmp
                    spot=settings.spot == "on",
                ).as_variables(),
                **limits.as_variables(),
                "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
                "VIPS_CONCURRENCY": "2",
                "MALLOC_ARENA_MAX": "2",
            },
            settings=settings,
            alarms=alarms,
        )
        dispatcher.add_event_source(
            event_sources.SqsEventSource(
                uploads.queue,
                batch_size=1,  # one may take all of the function's time
                max_concurrency=settings.max_concurrency,
                report_batch_item_failures=True,
            )
        )

        stops = EventQueue(
            self, "Stops", pattern=worker.stopped, reader_timeout=TRACKER_TIMEOUT, alarms=alarms
        )
        stops.also_every("Sweep", SWEEP)
        tracker = PythonFunction(
            self,
            "Tracker",
            name="tracker",
            description="Follows what became of each task, and of jobs that nobody heard of again",
            timeout=TRACKER_TIMEOUT,
            memory_size=TRACKER_MEMORY,
            environment={
                **TrackerEnvironment(
                    job_table=jobs.table_name,
                    cluster=worker.cluster.cluster_name,
                    dispatcher_queue=uploads.queue.queue_url,
                ).as_variables(),
                "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
            },
            settings=settings,
            alarms=alarms,
        )
        tracker.add_event_source(event_sources.SqsEventSource(stops.queue, report_batch_item_failures=True))

        # On destroy, buckets are emptied once whatever listens to the source or writes to the output is gone.
        uploads.rule.node.add_dependency(source)
        for writer in (dispatcher, worker.task_definition):
            writer.node.add_dependency(output)

        for who in (dispatcher, worker.role):
            output.allow_publishing(who, source)
        allow(dispatcher, ["dynamodb:GetItem", "dynamodb:PutItem"], jobs.table_arn)
        allow(worker.role, ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], jobs.table_arn)
        allow(tracker, ["dynamodb:GetItem", "dynamodb:PutItem"], jobs.table_arn)
        allow(tracker, ["dynamodb:Query"], jobs.index_arn)
        worker.allow_starting(dispatcher)
        worker.allow_following(tracker)
        allow(tracker, ["sqs:SendMessage"], uploads.queue.queue_arn)
        watch_jobs(self, alarms, NAMESPACE, SWEEP)

        cdk.CfnOutput(self, "SourceBucket", value=source.bucket_name, description="Upload scans here")
        cdk.CfnOutput(self, "OutputBucket", value=output.bucket_name, description="Tiles and manifests")
        cdk.CfnOutput(self, "TilesUrl", value=tiles.url, description="Where the tiles are served")
        cdk.CfnOutput(self, "JobTable", value=jobs.table_name)
        cdk.CfnOutput(self, "Queue", value=uploads.queue.queue_url)
        cdk.CfnOutput(self, "DeadLetters", value=uploads.dead_letters.queue_url)
        cdk.CfnOutput(self, "Undelivered", value=uploads.undelivered.queue_url)
        cdk.CfnOutput(self, "StopsQueue", value=stops.queue.queue_url)
        cdk.CfnOutput(self, "StopsDeadLetters", value=stops.dead_letters.queue_url)
        cdk.CfnOutput(self, "StopsUndelivered", value=stops.undelivered.queue_url)
        cdk.CfnOutput(self, "FunctionName", value=dispatcher.function_name)
        cdk.CfnOutput(self, "TrackerName", value=tracker.function_name)
        cdk.CfnOutput(self, "ClusterName", value=worker.cluster.cluster_name)
        cdk.CfnOutput(self, "DispatcherLogGroup", value=dispatcher.log_group.log_group_name)
        cdk.CfnOutput(self, "TrackerLogGroup", value=tracker.log_group.log_group_name)
        cdk.CfnOutput(self, "WorkerLogGroup", value=worker.log_group.log_group_name)
