"""Pattern 3, the hybrid: a Lambda triggers a Fargate task. Huge scans become zoomable tiles."""

import aws_cdk as cdk
from constructs import Construct

from stacks.constructs.alarms import Alarms
from stacks.constructs.output_bucket import OutputBucket
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.tile_distribution import TileDistribution
from stacks.hybrid_pattern.dispatcher import Dispatcher
from stacks.hybrid_pattern.job_alarms import watch_jobs
from stacks.hybrid_pattern.job_table import JobTable
from stacks.hybrid_pattern.tracker import SWEEP, Tracker
from stacks.hybrid_pattern.worker import Worker
from stacks.network import Network
from stacks.settings import Settings


class HybridPattern(cdk.Stack):
    """Source bucket -> queue -> dispatcher, or a task that it starts -> output bucket -> CloudFront.

    The tracker learns of every task that stops, and sweeps every five minutes for lost jobs.
    distribution: CloudFront's, in front of the tiles.
    """

    def __init__(self, scope: Construct, construct_id: str, *, network: Network, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description="Hybrid pattern: huge scans to zoomable tiles",
        )
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)

        source = PrivateBucket(self, "Source", versioned=True, events=True, retain=settings.is_production)
        output = OutputBucket(self, "Output", retain=settings.is_production)
        self.distribution = tiles = TileDistribution(self, "Tiles", bucket=output)
        jobs = JobTable(self, "Jobs", retain=settings.is_production)

        worker = Worker(
            self, "Worker", jobs=jobs, output=output, tiles=tiles, network=network, settings=settings
        )
        dispatcher = Dispatcher(
            self, "Dispatcher", source=source, worker=worker, settings=settings, alarms=alarms
        )
        uploads = dispatcher.uploads
        tracker = Tracker(
            self, "Tracker", tiles=tiles, worker=worker, queue=uploads.queue, settings=settings, alarms=alarms
        )
        stops = tracker.stops

        # On destroy, the source's listeners and the output's writers are deleted before buckets are emptied.
        uploads.rule.node.add_dependency(source)
        for writer in (dispatcher, worker.task_definition):
            writer.node.add_dependency(output)
        for who in (dispatcher, worker.role):
            output.grant_publishing(who, source)
        watch_jobs(self, alarms, SWEEP)

        cdk.CfnOutput(self, "SourceBucket", value=source.bucket_name, description="Upload scans here")
        cdk.CfnOutput(self, "OutputBucket", value=output.bucket_name, description="Tiles and manifests")
        cdk.CfnOutput(self, "TilesUrl", value=tiles.url, description="Where the tiles are served")
        for name, value in {
            "JobTable": jobs.table_name,
            "Queue": uploads.queue.queue_url,
            "DeadLetters": uploads.dead_letters.queue_url,
            "Undelivered": uploads.undelivered.queue_url,
            "StopsQueue": stops.queue.queue_url,
            "StopsDeadLetters": stops.dead_letters.queue_url,
            "StopsUndelivered": stops.undelivered.queue_url,
            "FunctionName": dispatcher.function_name,
            "TrackerName": tracker.function_name,
            "ClusterName": worker.cluster.cluster_name,
            "DispatcherLogGroup": dispatcher.log_group.log_group_name,
            "TrackerLogGroup": tracker.log_group.log_group_name,
            "WorkerLogGroup": worker.log_group.log_group_name,
        }.items():
            cdk.CfnOutput(self, name, value=value)
