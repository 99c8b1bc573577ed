"""A service on Fargate behind a load balancer's listener: its task, how it is replaced, how it grows."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
import aws_cdk.aws_ec2 as ec2
import aws_cdk.aws_ecs as ecs
import aws_cdk.aws_elasticloadbalancingv2 as elb
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.grants import policy_of
from stacks.constructs.image import SCRATCH, USER, image, runtime_platform
from stacks.constructs.log_group import LogGroup
from stacks.network import Network
from stacks.settings import Settings

PORT = 8080
STOP = cdk.Duration.seconds(30)
"""The service ends within 25 s of SIGTERM (tests/service/test_staying_up.py)."""
DEREGISTRATION = cdk.Duration.seconds(20)
GRACE = cdk.Duration.seconds(60)
BUSY_PERCENT = 60
REQUESTS_A_VCPU = 1_000
"""A minute, at some 60 % of a vCPU: a cold image takes about 36 ms of CPU (docs/benchmarks.md)."""


class HttpService(ecs.FargateService):
    """`python3 -m {module}` on port 8080: at least `least` tasks, replaced one by one and rolled back.

    Neither the number of tasks nor the root's file system can be changed from inside; ECS Exec is off.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        module: str,
        vcpus: float,
        memory_mb: int,
        least: int,
        environment: Mapping[str, str],
        network: Network,
        listener: elb.ApplicationListener,
        settings: Settings,
    ) -> None:
        cluster = ecs.Cluster(scope, "Cluster", vpc=network.vpc)
        acknowledge(
            cluster,
            "AwsSolutions-ECS4",
            "Container Insights bills custom metrics; the service's own tell what the alarms need.",
        )
        group = ec2.SecurityGroup(scope, f"{construct_id}Group", vpc=network.vpc, allow_all_outbound=False)
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))
        log_group = LogGroup(scope, f"{construct_id}Logs", settings=settings)
        super().__init__(
            scope,
            construct_id,
            cluster=cluster,
            task_definition=_task(
                scope, construct_id, module, vcpus, memory_mb, environment, log_group, settings
            ),
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            health_check_grace_period=GRACE,
            vpc_subnets=network.tasks,
            assign_public_ip=settings.egress == "public-ip",
            security_groups=[group],
            enable_ecs_managed_tags=True,
        )
        self.log_group = log_group
        self.targets = listener.add_targets(
            "Service",
            port=PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            targets=[self],
            deregistration_delay=DEREGISTRATION,
            health_check=elb.HealthCheck(
                path="/ready",
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
        scaling = self.auto_scale_task_count(min_capacity=least, max_capacity=max(least, settings.max_tasks))
        scaling.scale_on_cpu_utilization("Cpu", target_utilization_percent=BUSY_PERCENT)
        scaling.scale_on_request_count(
            "Requests", requests_per_target=round(REQUESTS_A_VCPU * vcpus), target_group=self.targets
        )


def _task(
    scope: Construct,
    construct_id: str,
    module: str,
    vcpus: float,
    memory_mb: int,
    environment: Mapping[str, str],
    log_group: LogGroup,
    settings: Settings,
) -> ecs.FargateTaskDefinition:
    task = ecs.FargateTaskDefinition(
        scope,
        f"{construct_id}Task",
        cpu=round(vcpus * 1024),
        memory_limit_mib=memory_mb,
        runtime_platform=runtime_platform(settings),
        volumes=[ecs.Volume(name="scratch")],
    )
    rights = ecs.LinuxParameters(scope, f"{construct_id}Rights")
    rights.drop_capabilities(ecs.Capability.ALL)
    container = task.add_container(
        "service",
        image=image(settings),
        entry_point=["python3", "-m"],
        command=[module],
        user=USER,
        readonly_root_filesystem=True,
        linux_parameters=rights,
        stop_timeout=STOP,
        environment=dict(environment),
        health_check=ecs.HealthCheck(
            command=["CMD", *_HEALTHY],
            interval=cdk.Duration.seconds(10),
            timeout=cdk.Duration.seconds(5),
            start_period=cdk.Duration.seconds(20),
        ),
        port_mappings=[ecs.PortMapping(container_port=PORT)],
        logging=ecs.LogDrivers.aws_logs(
            stream_prefix="service",
            log_group=log_group,
            mode=ecs.AwsLogDriverMode.NON_BLOCKING,  # a log that cannot be written must not stop the service
            max_buffer_size=cdk.Size.mebibytes(4),
        ),
    )
    container.add_mount_points(
        ecs.MountPoint(container_path=SCRATCH, source_volume="scratch", read_only=False)
    )
    execution = task.obtain_execution_role()
    acknowledge(
        policy_of(execution), "AwsSolutions-IAM5[Resource::*]", "ecr:GetAuthorizationToken has no resources."
    )
    acknowledge(task, "AwsSolutions-ECS2", "Its environment has names and limits, and no secrets.")
    return task


_HEALTHY: Sequence[str] = ("python3", "-m", "container.service.healthy")
