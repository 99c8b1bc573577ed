"""Pattern 5, the queue: a Fargate service that consumes a queue and scales to zero."""

import aws_cdk as cdk
from constructs import Construct

from stacks.constructs.alarms import Alarms
from stacks.constructs.event_queue import EventQueue
from stacks.constructs.output_bucket import OutputBucket
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.s3_events import uploads_and_deletions
from stacks.constructs.tile_distribution import TileDistribution
from stacks.network import Network
from stacks.queue_pattern.backlog_scaling import BacklogScaling
from stacks.queue_pattern.queue_worker import HIDDEN, JOB, QueueWorker
from stacks.queue_pattern.worker_alarms import watch_worker
from stacks.settings import Settings


class QueuePattern(cdk.Stack):
    """Source bucket -> queue -> service, scaled by the backlog -> output bucket -> CloudFront.

    No function, no job table, and one task size for all jobs.
    distribution: CloudFront's, in front of the tiles.
    """

    def __init__(self, scope: Construct, construct_id: str, *, network: Network, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description="Queue pattern: huge scans to zoomable tiles by a service that consumes a queue",
        )
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)

        source = PrivateBucket(self, "Source", versioned=True, events=True, retain=settings.is_production)
        output = OutputBucket(self, "Output", retain=settings.is_production)
        self.distribution = tiles = TileDistribution(self, "Tiles", bucket=output)

        uploads = EventQueue(
            self,
            "Uploads",
            pattern=uploads_and_deletions(source),
            visibility=HIDDEN,
            longest_attempt=JOB,
            alarms=alarms,
        )
        worker = QueueWorker(
            self,
            "Worker",
            queue=uploads.queue,
            output=output,
            tiles=tiles,
            network=network,
            settings=settings,
        )
        BacklogScaling(self, "Scaling", service=worker, queue=uploads.queue, max_tasks=settings.max_tasks)

        # On destroy, the source's listeners and the output's writers are deleted before buckets are emptied.
        uploads.rule.node.add_dependency(source)
        worker.node.add_dependency(output)
        output.grant_publishing(worker.task_definition.task_role, source)
        watch_worker(self, alarms)

        cdk.CfnOutput(self, "SourceBucket", value=source.bucket_name, description="Upload scans here")
        cdk.CfnOutput(self, "OutputBucket", value=output.bucket_name, description="Tiles and manifests")
        cdk.CfnOutput(self, "TilesUrl", value=tiles.url, description="Where the tiles are served")
        for name, value in {
            "Queue": uploads.queue.queue_url,
            "DeadLetters": uploads.dead_letters.queue_url,
            "Undelivered": uploads.undelivered.queue_url,
            "ClusterName": worker.cluster.cluster_name,
            "ServiceName": worker.service_name,
            "LogGroup": worker.log_group.log_group_name,
        }.items():
            cdk.CfnOutput(self, name, value=value)
