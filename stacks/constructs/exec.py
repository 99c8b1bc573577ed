"""ECS Exec if `exec=on`: a shell in a running task through the AWS CLI, despite its read-only file system.

AWS calls Exec and such a file system incompatible; with the agent's three folders as volumes, both work:
https://github.com/aws/containers-roadmap/issues/1359
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
"""

import aws_cdk.aws_ecs as ecs
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.grants import allow, default_policy
from stacks.constructs.log_group import LogGroup
from stacks.settings import Settings

WRITTEN = {
    "exec-agents": "/managed-agents",
    "exec-state": "/var/lib/amazon/ssm",
    "exec-logs": "/var/log/amazon/ssm",
}
"""The volumes, and the folders that the agent writes to."""
CHANNELS = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
"""Actions of the Systems Manager channels; IAM has no resource types for them."""


def audit_log(scope: Construct, settings: Settings) -> LogGroup | None:
    """Return the log group for the shell sessions of a cluster's tasks; None if `exec=off`."""
    return LogGroup(scope, "ExecLogs", settings=settings) if settings.exec == "on" else None


def logged_in(log: LogGroup) -> ecs.ExecuteCommandConfiguration:
    """Return the configuration that logs every shell session of a cluster to `log`."""
    return ecs.ExecuteCommandConfiguration(
        logging=ecs.ExecuteCommandLogging.OVERRIDE,
        log_configuration=ecs.ExecuteCommandLogConfiguration(cloud_watch_log_group=log),
    )


def open_to_exec(task: ecs.FargateTaskDefinition, container: ecs.ContainerDefinition, log: LogGroup) -> None:
    """Add the volumes and permissions that a task needs for ECS Exec.

    In addition, its service or RunTask call must set `EnableExecuteCommand`.
    """
    for volume, path in WRITTEN.items():
        task.add_volume(name=volume)
        container.add_mount_points(ecs.MountPoint(container_path=path, source_volume=volume, read_only=False))
    role = task.task_role
    allow(role, [*(f"ssmmessages:{channel}" for channel in CHANNELS), "logs:DescribeLogGroups"], "*")
    allow(role, ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], log.log_group_arn)
    reason = "Session channels have no resource-level permissions, and the agent lists all log groups."
    acknowledge(default_policy(role), {"AwsSolutions-IAM5[Resource::*]": reason})


def allow_shells(service: ecs.FargateService) -> None:
    """Allow shells in the service's tasks.

    CDK's `enable_execute_command` would repeat the grants of `open_to_exec`, with a wildcard after the log
    group's name.
    """
    resource = service.node.default_child
    assert isinstance(resource, ecs.CfnService)
    resource.enable_execute_command = True
