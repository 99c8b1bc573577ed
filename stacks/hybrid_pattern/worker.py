"""The one-off task: its definition, its network, and who may start and stop it."""

from dataclasses import asdict

import aws_cdk as cdk
import aws_cdk.aws_ecs as ecs
import aws_cdk.aws_events as events
import aws_cdk.aws_iam as iam
from constructs import Construct

from container.worker.environment import WorkerEnvironment
from runtime.jobs.environment import LaunchEnvironment
from runtime.jobs.task_launcher import CONTAINER
from runtime.placement.placement import Rules
from runtime.work.environment import WorkEnvironment
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.cluster import Cluster
from stacks.constructs.container_image import container_image
from stacks.constructs.container_task import container_task
from stacks.constructs.grants import allow, default_policy
from stacks.constructs.log_group import LogGroup
from stacks.constructs.output_bucket import OutputBucket
from stacks.constructs.tile_distribution import TileDistribution
from stacks.hybrid_pattern.job_table import JobTable
from stacks.hybrid_pattern.works import works
from stacks.network import Network
from stacks.settings import Settings

STOP = cdk.Duration.seconds(120)
"""Stop timeout: ECS's maximum, and as much as Fargate Spot's two-minute warning leaves:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
"""
ECS_ARN = "arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>"
TASK_SECONDS = round(Rules().task_seconds)
"""Longest run of a task, enforced by the worker and the tracker: ECS has no such limit
(https://github.com/aws/containers-roadmap/issues/291).
"""


class Worker(Construct):
    """`python3 -m container.{works.worker}`: one attempt at one job. RunTask sets CPU, memory and disk.

    tiles: the distribution in front of the output. jobs: the job table. work: the environment that dispatcher
        and worker share.
    works: the kinds of work. launch: the dispatcher's environment variables for starting the task. stopped:
        event pattern for stopped tasks of the cluster. role: the task role.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        jobs: JobTable,
        output: OutputBucket,
        tiles: TileDistribution,
        network: Network,
        settings: Settings,
    ) -> None:
        super().__init__(scope, construct_id)
        self.jobs = jobs
        self.cluster = Cluster(self, "Cluster", group_id="Group", network=network, settings=settings)
        if settings.spot == "on":
            # Without a default strategy: each RunTask names a strategy, or the launch type FARGATE.
            providers = ecs.CfnClusterCapacityProviderAssociations(
                self,
                "CapacityProviders",
                cluster=self.cluster.cluster_name,
                capacity_providers=["FARGATE", "FARGATE_SPOT"],
                default_capacity_provider_strategy=[],
            )
            # The association needs ECS's service-linked role, which is made with an account's first cluster.
            # No call waits for the role (https://github.com/aws/containers-roadmap/issues/2614), so the
            # association waits for the distribution, which takes long enough.
            providers.node.add_dependency(tiles)
        self.log_group = LogGroup(self, "Logs", settings=settings)
        self.work = WorkEnvironment(
            job_table=jobs.table_name, output_bucket=output.bucket_name, tiles_url=tiles.url
        )
        self.works = works(settings)
        environment = WorkerEnvironment(**asdict(self.work), task_seconds=TASK_SECONDS)
        self.task_definition = container_task(
            self,
            "Worker",
            container=CONTAINER,
            cluster=self.cluster,
            image=container_image(self.works.worker, settings=settings),
            module=f"container.{self.works.worker}",
            vcpus=1,
            memory_mb=2048,
            environment={**environment.as_variables(), **self.works.variables, "VIPS_CONCURRENCY": "2"},
            stop=STOP,
            log_group=self.log_group,
            settings=settings,
        )
        self.role = self.task_definition.task_role
        jobs.grant_working(self.role)
        subnets = network.vpc.select_subnets(subnet_group_name=network.tasks.subnet_group_name).subnet_ids
        self.launch = LaunchEnvironment(
            cluster=self.cluster.cluster_name,
            task_definition=self.task_definition.task_definition_arn,
            subnets=tuple(subnets),
            security_group=self.cluster.group.security_group_id,
            public_ip=settings.egress == "public-ip",
            task_seconds=TASK_SECONDS,
            exec=settings.exec == "on",
        )
        self.stopped = events.EventPattern(
            source=["aws.ecs"],
            detail_type=["ECS Task State Change"],
            detail={"clusterArn": [self.cluster.cluster_arn], "lastStatus": ["STOPPED"]},
        )

    def grant_run(self, who: iam.IGrantable) -> None:
        """Allow RunTask with this task definition on this cluster, and passing its two roles.

        Every revision is allowed, since during a deployment the function still names the previous one.
        """
        stack = cdk.Stack.of(self)
        family = self.task_definition.family
        revisions = stack.format_arn(service="ecs", resource="task-definition", resource_name=f"{family}:*")
        rule = f"AwsSolutions-IAM5[Resource::{ECS_ARN}:task-definition/{family}:*]"
        acknowledge(default_policy(who), {rule: "Revision numbers are not known at synth time."})
        allow(
            who,
            ["ecs:RunTask"],
            revisions,
            conditions={"ArnEquals": {"ecs:cluster": self.cluster.cluster_arn}},
        )
        allow(
            who,
            ["iam:PassRole"],
            self.role.role_arn,
            self.task_definition.obtain_execution_role().role_arn,
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        )

    def grant_observe(self, who: iam.IGrantable) -> None:
        """Allow describing and stopping the cluster's tasks."""
        stack = cdk.Stack.of(self)
        tasks = stack.format_arn(
            service="ecs", resource="task", resource_name=f"{self.cluster.cluster_name}/*"
        )
        allow(who, ["ecs:DescribeTasks", "ecs:StopTask"], tasks)
        cluster = stack.resolve(self.cluster.cluster_name)["Ref"]
        rule = f"AwsSolutions-IAM5[Resource::{ECS_ARN}:task/<{cluster}>/*]"
        acknowledge(default_policy(who), {rule: "Task ids are not known before tasks start."})
