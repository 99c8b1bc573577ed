"""QueuePattern's template: how it scales, how old a message may be, and how tasks reach the queue."""

import math
from typing import Any

import pytest

from container.queue_worker.consume import FINISH_SECONDS, WAIT_SECONDS
from container.queue_worker.environment import QueueWorkerEnvironment
from container.queue_worker.run import MARGIN_MINUTES
from stacks.queue_pattern.backlog_scaling import IDLE, JOBS_A_TASK
from stacks.queue_pattern.queue_worker import JOB
from tests.synth.conftest import Synth, Template, only, resources


@pytest.fixture(scope="module")
def template(synth: Synth) -> Template:
    return synth("QueuePattern")


def one(template: Template, kind: str, beginning: str = "") -> dict[str, Any]:
    (found,) = (
        found["Properties"] for name, found in resources(template, kind).items() if name.startswith(beginning)
    )
    return dict(found)


def steps(template: Template, name: str) -> list[dict[str, Any]]:
    policy = one(template, "AWS::ApplicationAutoScaling::ScalingPolicy", name)
    told = policy["StepScalingPolicyConfiguration"]
    assert told["AdjustmentType"] == "ExactCapacity"
    return list(told["StepAdjustments"])


def capacity(template: Template, messages: int) -> list[int]:
    """Return the capacities of all steps that apply with that many messages; there should be exactly one.

    A step applies from its lower bound up to, but not including, its upper bound. (Below the alarm's
    threshold AWS includes the upper bound instead; no case here is on such a bound.)
    """
    beyond = messages - 1
    return [
        step["ScalingAdjustment"]
        for step in steps(template, "ScalingWork" if messages else "ScalingRest")
        if step.get("MetricIntervalLowerBound", -math.inf)
        <= beyond
        < step.get("MetricIntervalUpperBound", math.inf)
    ]


@pytest.mark.parametrize(
    ("messages", "tasks"), [(0, 0), (1, 1), (10, 1), (11, 2), (20, 2), (21, 3), (31, 4), (10_000, 4)]
)
def test_the_number_of_tasks_follows_from_the_backlog_alone(
    template: Template, messages: int, tasks: int
) -> None:
    assert capacity(template, messages) == [tasks]


@pytest.mark.parametrize("most", [2, 20, 21, 100, 1000])
def test_any_number_of_tasks_is_reached_by_at_most_twenty_steps(synth: Synth, most: int) -> None:
    template = synth("QueuePattern", max_tasks=str(most))
    found = steps(template, "ScalingWork")
    assert len(found) <= 20
    counts = [capacity(template, messages) for messages in range(1, (most + 2) * JOBS_A_TASK)]
    assert all(len(each) == 1 for each in counts)
    assert counts == sorted(counts)
    assert counts[-1] == [most]
    assert all(
        tasks * JOBS_A_TASK >= messages for messages, (tasks,) in enumerate(counts, start=1) if tasks < most
    )
    assert one(template, "AWS::ApplicationAutoScaling::ScalableTarget")["MaxCapacity"] == most


def test_scaling_counts_messages_that_wait_and_those_in_progress(template: Template) -> None:
    assert one(template, "AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"] == 0
    for name, comparison, periods in (
        ("ScalingBacklog", "GreaterThanOrEqualToThreshold", 1),
        ("ScalingIdle", "LessThanThreshold", IDLE),
    ):
        alarm = one(template, "AWS::CloudWatch::Alarm", name)
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == (comparison, 1)
        assert alarm["EvaluationPeriods"] == periods
        (backlog,) = (metric["Expression"] for metric in alarm["Metrics"] if "Expression" in metric)
        assert backlog == "visible + FILL(in_flight, 0)"  # in-flight messages are missing if there are none
        found = {
            metric["MetricStat"]["Metric"]["MetricName"]: metric["MetricStat"]["Period"]
            for metric in alarm["Metrics"]
            if "MetricStat" in metric
        }
        assert found == dict.fromkeys(
            ("ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"), 60
        )


def test_the_worker_is_told_the_size_and_the_queue_that_it_has(template: Template) -> None:
    task = one(template, "AWS::ECS::TaskDefinition")
    (container,) = task["ContainerDefinitions"]
    plain = {
        pair["Name"]: pair["Value"] if isinstance(pair["Value"], str) else "of AWS"
        for pair in container["Environment"]
    }
    told = QueueWorkerEnvironment.from_variables(plain)
    assert (told.vcpus * 1024, told.memory_mb) == (int(task["Cpu"]), int(task["Memory"]))
    assert "EphemeralStorage" not in task
    assert told.disk_gib == 20  # what a task has by default
    assert told.hidden_seconds == one(template, "AWS::SQS::Queue", "UploadsQueue")["VisibilityTimeout"]
    assert container["StopTimeout"] > WAIT_SECONDS + FINISH_SECONDS
    assert told.job_seconds == JOB.to_seconds()
    assert told.job_seconds / 60 + MARGIN_MINUTES < 2880  # the most that ECS protects a task for
    assert told.job_seconds < 12 * 3600  # the most that SQS hides a message for


def test_a_message_may_take_as_long_as_a_job_before_it_counts_as_old(template: Template) -> None:
    alarm = one(template, "AWS::CloudWatch::Alarm", "AlarmsUploadsAge")
    assert alarm["Threshold"] > JOB.to_seconds()


def test_a_deploy_starts_new_tasks_before_it_stops_old_ones_and_keeps_their_number(
    template: Template,
) -> None:
    service = one(template, "AWS::ECS::Service")
    assert "DesiredCount" not in service
    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == 100


def test_without_a_route_out_its_tasks_reach_the_queue_by_an_endpoint(synth: Synth) -> None:
    template = synth("QueuePattern", egress="endpoints")
    endpoint = only(template, "AWS::EC2::VPCEndpoint")
    assert (endpoint["VpcEndpointType"], endpoint["PrivateDnsEnabled"]) == ("Interface", True)
    assert ".sqs" in str(endpoint["ServiceName"])
    task = only(template, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    rule = only(template, "AWS::EC2::SecurityGroupIngress")
    assert endpoint["SecurityGroupIds"] == [rule["GroupId"]]
    assert task["SecurityGroups"] == [rule["SourceSecurityGroupId"]]
    assert (endpoint["SubnetIds"], rule["FromPort"], rule["ToPort"]) == (task["Subnets"], 443, 443)


@pytest.mark.parametrize("egress", ["public-ip", "nat"])
def test_with_a_route_out_there_is_no_endpoint_to_pay_for(synth: Synth, egress: str) -> None:
    assert resources(synth("QueuePattern", egress=egress), "AWS::EC2::VPCEndpoint") == {}
