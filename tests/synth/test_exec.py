"""ECS Exec is off by default; once enabled, it is on in every task, logged, and with minimal permissions."""

import json

import pytest

from app import PATTERNS
from stacks.constructs.exec import WRITTEN
from tests.synth.conftest import Synth, only, resources, templates

TASKS = [stack for stack in PATTERNS if resources(templates()[stack], "AWS::ECS::TaskDefinition")]
"""Stacks that have tasks."""


def test_without_the_setting_nothing_opens_a_shell() -> None:
    everything = json.dumps(templates()).lower()
    assert [word for word in ("executecommand", "ssmmessages", "managed-agents") if word in everything] == []


@pytest.mark.parametrize("stack", TASKS)
def test_with_exec_the_agents_folders_are_writable_and_the_root_stays_read_only(
    synth: Synth, stack: str
) -> None:
    (container,) = only(synth(stack, exec="on"), "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    mounts = {mount["ContainerPath"] for mount in container["MountPoints"] if not mount["ReadOnly"]}
    assert mounts == {"/scratch", *WRITTEN.values()}
    assert container["ReadonlyRootFilesystem"]
    assert container["LinuxParameters"]["InitProcessEnabled"]


@pytest.mark.parametrize("stack", TASKS)
def test_with_exec_the_task_role_gains_the_channels_and_the_audit_log(synth: Synth, stack: str) -> None:
    template = synth(stack, exec="on")
    (log,) = (name for name in resources(template, "AWS::Logs::LogGroup") if "ExecLogs" in name)
    gained = [
        (sorted(statement["Action"]), statement["Resource"])
        for name, policy in resources(template, "AWS::IAM::Policy").items()
        if "TaskRole" in name
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "log" in json.dumps(statement).lower()
    ]
    channels = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
    assert gained == [
        (["logs:DescribeLogGroups", *(f"ssmmessages:{channel}" for channel in channels)], "*"),
        (
            ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            {"Fn::GetAtt": [log, "Arn"]},
        ),
    ]
    session = only(template, "AWS::ECS::Cluster")["Configuration"]["ExecuteCommandConfiguration"]
    assert session == {"LogConfiguration": {"CloudWatchLogGroupName": {"Ref": log}}, "Logging": "OVERRIDE"}


def test_without_a_way_out_systems_manager_has_an_endpoint(synth: Synth) -> None:
    endpoints = resources(synth("Network", exec="on", egress="endpoints"), "AWS::EC2::VPCEndpoint")
    assert "ssmmessages" in json.dumps(endpoints)
