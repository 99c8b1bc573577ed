"""ECS Exec where `exec=on`: a shell in a running task, by the AWS CLI, under a read-only root.

AWS calls the two exclusive; with its agent's three folders mounted they are not:
https://github.com/aws/containers-roadmap/issues/1359
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
"""

import aws_cdk.aws_ecs as ecs
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.grants import allow, policy_of
from stacks.constructs.log_group import LogGroup
from stacks.settings import Settings

WRITTEN = {
    "exec-agents": "/managed-agents",
    "exec-state": "/var/lib/amazon/ssm",
    "exec-logs": "/var/log/amazon/ssm",
}
"""Volumes, and where the agent expects to write."""
CHANNELS = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
"""Of Systems Manager; they have no resources in IAM."""


def audit_log(scope: Construct, settings: Settings) -> LogGroup | None:
    """Return what is typed into the tasks of a cluster, and what they answer; none where `exec=off`."""
    return LogGroup(scope, "ExecLogs", settings=settings) if settings.exec == "on" else None


def logged_in(log: LogGroup) -> ecs.ExecuteCommandConfiguration:
    """Every session of a cluster goes there."""
    return ecs.ExecuteCommandConfiguration(
        logging=ecs.ExecuteCommandLogging.OVERRIDE,
        log_configuration=ecs.ExecuteCommandLogConfiguration(cloud_watch_log_group=log),
    )


def open_to_exec(task: ecs.FargateTaskDefinition, container: ecs.ContainerDefinition, log: LogGroup) -> None:
    """Grant what a task needs for it, beside the `EnableExecuteCommand` of its service or its RunTask."""
    for volume, path in WRITTEN.items():
        task.add_volume(name=volume)
        container.add_mount_points(ecs.MountPoint(container_path=path, source_volume=volume, read_only=False))
    role = task.task_role
    allow(role, [*(f"ssmmessages:{channel}" for channel in CHANNELS), "logs:DescribeLogGroups"], "*")
    allow(role, ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], log.log_group_arn)
    reason = "Channels of Systems Manager and the list of log groups have no resources in IAM."
    acknowledge(policy_of(role), {"AwsSolutions-IAM5[Resource::*]": reason})


def allow_shells(service: ecs.FargateService) -> None:
    """In its tasks. CDK's own switch adds statements to their role that name every stream of the log."""
    resource = service.node.default_child
    assert isinstance(resource, ecs.CfnService)
    resource.enable_execute_command = True
