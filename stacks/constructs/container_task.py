"""A task definition for one module of an image, with least privilege."""

from collections.abc import Mapping

import aws_cdk as cdk
import aws_cdk.aws_ecs as ecs
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.cluster import Cluster
from stacks.constructs.container_image import SCRATCH, USER, runtime_platform
from stacks.constructs.exec import open_to_exec
from stacks.constructs.grants import default_policy
from stacks.constructs.log_group import LogGroup
from stacks.settings import Settings


def container_task(
    scope: Construct,
    construct_id: str,
    *,
    container: str,
    cluster: Cluster,
    image: ecs.ContainerImage,
    module: str,
    vcpus: float,
    memory_mb: int,
    environment: Mapping[str, str],
    stop: cdk.Duration,
    log_group: LogGroup,
    settings: Settings,
    port: int | None = None,
    health: ecs.HealthCheck | None = None,
) -> ecs.FargateTaskDefinition:
    """Return the definition of a task that runs `python3 -m {module}` without root or capabilities.

    Only /scratch is writable; with `exec=on` the ECS Exec agent's folders are writable too. The container
    sets no CPU or memory limits: they would remain when a job overrides the task's size.
    stop: time between SIGTERM and SIGKILL.
    """
    task = ecs.FargateTaskDefinition(
        scope,
        f"{construct_id}Task",
        family=f"{cdk.Stack.of(scope).stack_name}-{construct_id}",  # CDK's lacks prefix and stage
        cpu=round(vcpus * 1024),
        memory_limit_mib=memory_mb,
        runtime_platform=runtime_platform(settings),
        volumes=[ecs.Volume(name="scratch")],
    )
    rights = ecs.LinuxParameters(
        scope,
        f"{construct_id}Rights",
        init_process_enabled=True if cluster.exec_log else None,  # reaps the Exec agent's children
    )
    rights.drop_capabilities(ecs.Capability.ALL)
    added = task.add_container(
        container,
        image=image,
        entry_point=["python3", "-m"],
        command=[module],
        user=USER,
        readonly_root_filesystem=True,
        linux_parameters=rights,
        stop_timeout=stop,
        environment=dict(environment),
        health_check=health,
        port_mappings=[ecs.PortMapping(container_port=port)] if port else None,
        logging=ecs.LogDrivers.aws_logs(
            stream_prefix=container,
            log_group=log_group,
            mode=ecs.AwsLogDriverMode.NON_BLOCKING,  # a log that cannot be written must not stop the work
            max_buffer_size=cdk.Size.mebibytes(4),
        ),
    )
    added.add_mount_points(ecs.MountPoint(container_path=SCRATCH, source_volume="scratch", read_only=False))
    if cluster.exec_log:
        open_to_exec(task, added, cluster.exec_log)
    execution = task.obtain_execution_role()
    acknowledge(
        default_policy(execution),
        {"AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken has no resource-level permissions."},
    )
    acknowledge(task, {"AwsSolutions-ECS2": "Its environment has names and limits, and no secrets."})
    return task
