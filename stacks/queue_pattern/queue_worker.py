"""The service that consumes the queue: its task, its deployments and its permissions."""

import aws_cdk as cdk
import aws_cdk.aws_ec2 as ec2
import aws_cdk.aws_ecs as ecs
import aws_cdk.aws_sqs as sqs
from constructs import Construct

from container import queue_worker
from container.queue_worker.environment import QueueWorkerEnvironment
from runtime.work.environment import ScanEnvironment
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.cluster import Cluster
from stacks.constructs.container_image import container_image
from stacks.constructs.container_task import container_task
from stacks.constructs.exec import allow_shells
from stacks.constructs.grants import allow, default_policy
from stacks.constructs.log_group import LogGroup
from stacks.constructs.output_bucket import OutputBucket
from stacks.constructs.tile_distribution import TileDistribution
from stacks.network import Network
from stacks.settings import Settings

VCPUS, MEMORY_MB, DISK_GIB = 1, 4096, 20
"""The size of every task, whatever its job; what does not fit is rejected (runtime/placement/one_size.py)."""
JOB = cdk.Duration.hours(1)
"""Longest time that one job may take."""
HIDDEN = cdk.Duration.minutes(5)
"""The queue's visibility timeout, which the worker extends while it works."""
STOP = cdk.Duration.seconds(120)
"""Stop timeout, ECS's maximum; the worker finishes within 90 s of SIGTERM or returns its job to the queue."""


class QueueWorker(ecs.FargateService):
    """`python3 -m container.queue_worker`, zero to many tasks, each doing one job at a time.

    A deployment does not stop protected tasks of the previous revision: they end once their job has ended.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        queue: sqs.Queue,
        output: OutputBucket,
        tiles: TileDistribution,
        network: Network,
        settings: Settings,
    ) -> None:
        cluster = Cluster(
            scope, "Cluster", group_id=f"{construct_id}Group", network=network, settings=settings
        )
        self.log_group = LogGroup(scope, f"{construct_id}Logs", settings=settings)
        name = queue_worker.__name__.rpartition(".")[2]
        scans = ScanEnvironment(max_pixels=settings.max_scan_pixels, max_bytes=settings.max_scan_bytes)
        environment = QueueWorkerEnvironment(
            queue_url=queue.queue_url,
            hidden_seconds=round(HIDDEN.to_seconds()),
            output_bucket=output.bucket_name,
            tiles_url=tiles.url,
            distribution=tiles.distribution_id,
            metrics_namespace=cdk.Stack.of(scope).stack_name,
            vcpus=VCPUS,
            memory_mb=MEMORY_MB,
            disk_gib=DISK_GIB,
            job_seconds=round(JOB.to_seconds()),
        )
        super().__init__(
            scope,
            construct_id,
            cluster=cluster,
            task_definition=container_task(
                scope,
                construct_id,
                container="worker",
                cluster=cluster,
                image=container_image(name, settings=settings),
                module=queue_worker.__name__,
                vcpus=VCPUS,
                memory_mb=MEMORY_MB,
                environment={**environment.as_variables(), **scans.as_variables(), "VIPS_CONCURRENCY": "1"},
                stop=STOP,
                log_group=self.log_group,
                settings=settings,
            ),
            # No desired count: scaling sets it. The service is created with one task, so that the circuit
            # breaker sees whether the image starts; without messages, scaling stops it after some minutes.
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            vpc_subnets=network.tasks,
            assign_public_ip=settings.egress == "public-ip",
            security_groups=[cluster.group],
            enable_ecs_managed_tags=True,
        )
        if cluster.exec_log:
            allow_shells(self)
        self._allow_working(queue, tiles)
        if settings.egress == "endpoints":
            self._reach_the_queue(network, cluster)

    def _reach_the_queue(self, network: Network, cluster: Cluster) -> None:
        """Add an interface endpoint for SQS; the network has only those that every task needs.

        CloudFront's API has no such endpoint:
        https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
        """
        group = ec2.SecurityGroup(self, "SqsGroup", vpc=network.vpc, allow_all_outbound=False)
        group.add_ingress_rule(cluster.group, ec2.Port.tcp(443))
        ec2.InterfaceVpcEndpoint(
            self,
            "Sqs",
            vpc=network.vpc,
            service=ec2.InterfaceVpcEndpointAwsService.SQS,
            subnets=network.tasks,
            security_groups=[group],
            open=False,
        )

    def _allow_working(self, queue: sqs.Queue, tiles: TileDistribution) -> None:
        role = self.task_definition.task_role
        allow(
            role, ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"], queue.queue_arn
        )
        allow(role, ["cloudfront:CreateInvalidation"], tiles.distribution_arn)
        stack = cdk.Stack.of(self)
        tasks = stack.format_arn(
            service="ecs", resource="task", resource_name=f"{self.cluster.cluster_name}/*"
        )
        # The ECS agent calls the API with the task's role:
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
        allow(role, ["ecs:UpdateTaskProtection"], tasks)
        cluster = stack.resolve(self.cluster.cluster_name)["Ref"]
        rule = (
            "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:"
            f"task/<{cluster}>/*]"
        )
        acknowledge(default_policy(role), {rule: "Task ids are not known before tasks start."})
