"""A Fargate service behind a load balancer's listener: task, deployments and scaling."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import aws_cdk.aws_ecs as ecs
import aws_cdk.aws_elasticloadbalancingv2 as elb
from constructs import Construct

from stacks.constructs.cluster import Cluster
from stacks.constructs.container_image import container_image
from stacks.constructs.container_task import container_task
from stacks.constructs.exec import allow_shells
from stacks.constructs.log_group import LogGroup
from stacks.fargate_pattern.canary import SHARE_PERCENT, WATCHED, Canary
from stacks.fargate_pattern.size import ServiceSize
from stacks.network import Network
from stacks.settings import Settings

PORT = 8080
STOP = cdk.Duration.seconds(30)
"""Stop timeout: after SIGTERM the service drains for 3 s and takes at most 18 s more to finish requests."""
HEALTHY = "container.service.healthy"
DEREGISTRATION = cdk.Duration.seconds(20)
GRACE = cdk.Duration.seconds(60)
BUSY_PERCENT = 60
REQUESTS_A_VCPU = 1_000
"""Requests per minute per vCPU, at 45 to 68 % utilisation.

A cold image takes 27 ms of CPU as JPEG, 41 ms as WebP (docs/benchmarks.md).
"""


class HttpService(ecs.FargateService):
    """`container.service` on port 8080, deployed by rolling updates or canaries, with automatic rollback.

    Attributes:
        target_groups: two with `deployments=canary`, either of which may be in use.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        size: ServiceSize,
        environment: Mapping[str, str],
        network: Network,
        listener: elb.ApplicationListener,
        settings: Settings,
    ) -> None:
        cluster = Cluster(
            scope, "Cluster", group_id=f"{construct_id}Group", network=network, settings=settings
        )
        log_group = LogGroup(scope, f"{construct_id}Logs", settings=settings)
        super().__init__(
            scope,
            construct_id,
            cluster=cluster,
            task_definition=container_task(
                scope,
                construct_id,
                container="service",
                cluster=cluster,
                image=container_image("service", HEALTHY, settings=settings),
                module="container.service",
                vcpus=size.vcpus,
                memory_mb=size.memory_mb,
                environment=environment,
                stop=STOP,
                log_group=log_group,
                settings=settings,
                port=PORT,
                health=_HEALTHY,
            ),
            min_healthy_percent=100,
            max_healthy_percent=200,
            **_deployments(settings),
            health_check_grace_period=GRACE,
            vpc_subnets=network.tasks,
            assign_public_ip=settings.egress == "public-ip",
            security_groups=[cluster.group],
            enable_ecs_managed_tags=True,
        )
        if cluster.exec_log:
            allow_shells(self)
        self.log_group = log_group
        blue = _target_group(listener, "ServiceGroup", network)
        listener.add_target_groups("Service", target_groups=[blue])
        self.target_groups = [blue]
        scaling = self.auto_scale_task_count(
            min_capacity=size.min_tasks, max_capacity=max(size.min_tasks, settings.max_tasks)
        )
        scaling.scale_on_cpu_utilization("Cpu", target_utilization_percent=BUSY_PERCENT)
        if settings.deployments == "rolling":
            blue.add_target(self)
            scaling.scale_on_request_count(
                "Requests", requests_per_target=round(REQUESTS_A_VCPU * size.vcpus), target_group=blue
            )
        else:  # requests are counted per target group, and either may be in use
            green = _target_group(listener, "AlternateGroup", network)
            self.target_groups.append(green)
            canary = Canary(scope, "Canary", listener=listener, blue=blue, green=green)
            target = self.load_balancer_target(
                container_name="service", container_port=PORT, alternate_target=canary.alternate
            )
            blue.add_target(target)
            self.node.add_dependency(canary)  # ECS assumes its role as soon as the service is created
            why = "Only rolling deployments can have a circuit breaker; alarms roll back a canary."
            cdk.Annotations.of(self).acknowledge_warning("@aws-cdk/aws-ecs:shouldUseCircuitBreaker", why)


def _deployments(settings: Settings) -> dict[str, Any]:
    """Return service properties for rolling deployments with a circuit breaker, or for canaries."""
    if settings.deployments == "rolling":
        return {"circuit_breaker": ecs.DeploymentCircuitBreaker(enable=True, rollback=True)}
    return {
        "deployment_strategy": ecs.DeploymentStrategy.CANARY,
        "canary_configuration": ecs.TrafficShiftConfig(step_percent=SHARE_PERCENT, step_bake_time=WATCHED),
        "bake_time": WATCHED,
    }


def _target_group(scope: Construct, construct_id: str, network: Network) -> elb.ApplicationTargetGroup:
    return elb.ApplicationTargetGroup(
        scope,
        construct_id,
        vpc=network.vpc,
        port=PORT,
        protocol=elb.ApplicationProtocol.HTTP,
        target_type=elb.TargetType.IP,
        deregistration_delay=DEREGISTRATION,
        health_check=elb.HealthCheck(
            path="/ready",
            interval=cdk.Duration.seconds(10),
            timeout=cdk.Duration.seconds(5),
            healthy_threshold_count=2,
            unhealthy_threshold_count=3,
        ),
    )


_HEALTHY = ecs.HealthCheck(
    command=["CMD", "python3", "-m", HEALTHY],
    interval=cdk.Duration.seconds(10),
    timeout=cdk.Duration.seconds(5),
    start_period=cdk.Duration.seconds(20),
)
