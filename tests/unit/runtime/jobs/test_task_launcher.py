"""RunTask: the call itself against moto; answers that moto never gives, from botocore's Stubber."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from runtime.jobs.record import Job
from runtime.jobs.task_launcher import Answer, DeployInProgress, Fatal, Retryable, Started, TaskLauncher
from runtime.placement.limits import FARGATE_SIZES
from tests.support.jobs import JOB, LAUNCH

DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/a/b is not authorized to perform: ecs:RunTask on resource: "
    "arn:aws:ecs:us-east-1:123456789012:task-definition/a:1 because no identity-based policy allows the "
    "ecs:RunTask action"
)
ARN = "arn:aws:ecs:us-east-1:123456789012:task/cluster/1"


def tasks(ecs: Any, **named: Any) -> TaskLauncher:
    return TaskLauncher(ecs=ecs, launch=replace(LAUNCH, **named))


def request(job: Job = JOB, **named: Any) -> dict[str, Any]:
    return {**tasks(None, **named).request(job)}


def test_the_call_names_cluster_definition_network_size_and_token() -> None:
    assert request() == {
        "cluster": "cluster",
        "taskDefinition": "worker:1",
        "count": 1,
        "clientToken": "0123456789abcdef0123456789abcdef-1-0",
        "startedBy": f"{JOB.job_id}-1",
        "launchType": "FARGATE",
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-1", "subnet-2"],
                "securityGroups": ["sg-1"],
                "assignPublicIp": "ENABLED",
            }
        },
        "overrides": {
            "cpu": "2048",
            "memory": "16384",
            "ephemeralStorage": {"sizeInGiB": 40},
            "containerOverrides": [
                {
                    "name": "worker",
                    "environment": [
                        {"name": "JOB_ID", "value": JOB.job_id},
                        {"name": "ATTEMPT", "value": "1"},
                    ],
                }
            ],
        },
    }


def test_a_repeated_request_is_the_same_whatever_else_changed() -> None:
    later = replace(JOB, percent=50, due=99, revision=7, created_at=5, message="x", task_arn=ARN)
    assert request(later) == request()


def test_a_task_is_told_the_trace_of_its_job_if_there_is_one() -> None:
    trace = "1-5759e988-bd862e3fe1be46a994272793"
    (told,) = request(replace(JOB, trace_id=trace))["overrides"]["containerOverrides"]
    assert {"name": "TRACE_ID", "value": trace} in told["environment"]


def test_a_shell_may_be_opened_where_the_stack_says_so() -> None:
    assert request(exec=True) == {**request(), "enableExecuteCommand": True}


def test_another_attempt_and_a_refused_one_each_have_a_token_of_their_own() -> None:
    jobs = [
        replace(JOB, attempt=attempt, refusals=refusals) for attempt in (1, 2, 12) for refusals in (0, 1, 23)
    ]
    tokens = {request(job)["clientToken"] for job in jobs}
    assert len(tokens) == len(jobs)
    assert max(map(len, tokens)) <= 64, "the longest that ECS accepts"


def test_overrides_stay_far_below_what_ecs_takes_whatever_the_key() -> None:
    """ECS accepts overrides of at most 8,192 characters, JSON's own included.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    """
    assert len(json.dumps(request()["overrides"])) < 500


def test_the_disk_that_a_task_has_anyway_is_not_asked_for() -> None:
    assert "ephemeralStorage" not in request(replace(JOB, disk_gib=20))["overrides"]


def test_without_public_addresses_none_is_asked_for() -> None:
    network = request(public_ip=False)["networkConfiguration"]["awsvpcConfiguration"]
    assert network["assignPublicIp"] == "DISABLED"


@mock_aws
def test_ecs_takes_the_call_and_starts_the_task_as_asked() -> None:
    ec2, ecs = boto3.client("ec2"), boto3.client("ecs")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})  # moto requires DNS host names
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="a", Description="a", VpcId=vpc)["GroupId"]
    ecs.create_cluster(clusterName="cluster")
    # moto requires limits on the container; the stack sets none.
    container = {"name": "worker", "image": "worker", "cpu": 256, "memory": 512}
    ecs.register_task_definition(
        family="worker",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="1024",
        memory="2048",
        containerDefinitions=[container],
    )
    started = tasks(ecs, subnets=[subnet], security_group=group).start(JOB)
    assert isinstance(started, Started)
    (task,) = ecs.describe_tasks(cluster="cluster", tasks=[started.task_arn])["tasks"]
    assert task["overrides"] == request()["overrides"]
    assert (task["launchType"], task["startedBy"]) == ("FARGATE", f"{JOB.job_id}-1")
    assert task["taskDefinitionArn"].endswith("worker:1")


def answered(*, failures: list[dict[str, str]] | None = None, **error: Any) -> Answer:
    ecs = boto3.client("ecs")
    with Stubber(ecs) as stub:
        if error:
            stub.add_client_error("run_task", **error)
        else:
            stub.add_response("run_task", {"tasks": [], "failures": failures or []}, request())
        return tasks(ecs).start(JOB)


@pytest.mark.parametrize(
    "reason",
    [
        "Capacity is unavailable at this time. Please try again later or in a different availability zone",
        "You’ve reached the limit on the number of vCPUs you can run concurrently",
        "RESOURCE:CPU",
        "RESOURCE:MEMORY",
        "RESOURCE:ENI",
        "AGENT",
        "Rate exceeded",
        "Timeout waiting for network interface provisioning to complete.",
    ],
)
def test_a_transient_failure_is_retryable(reason: str) -> None:
    answer = answered(failures=[{"arn": "a", "reason": reason}])
    assert answer == Retryable(why=reason)


@pytest.mark.parametrize("reason", ["MISSING", "INACTIVE", "ATTRIBUTE", "LOCATION"])
def test_a_permanent_failure_is_fatal_and_has_its_detail(reason: str) -> None:
    answer = answered(failures=[{"arn": "a", "reason": reason, "detail": "of the task definition"}])
    assert answer == Fatal(why=f"{reason}: of the task definition")


@pytest.mark.parametrize("failures", [[], [{}], [{}, {}]])
def test_an_answer_with_neither_a_task_nor_a_reason_is_retryable(failures: list[dict[str, str]]) -> None:
    """For a client token that failed more than an hour ago, ECS returns a failure without a reason."""
    assert answered(failures=failures) == Retryable(why="RunTask started nothing and gave no reason.")


@pytest.mark.parametrize(
    ("code", "message", "status", "kind"),
    [
        ("ThrottlingException", "Rate exceeded", 400, Retryable),
        ("ServerException", "", 500, Retryable),
        ("InternalFailure", "", 500, Retryable),
        ("Unknown", "", 503, Retryable),
        ("LimitExceededException", "The limit for the resource was exceeded.", 400, Retryable),
        ("InvalidParameterException", "Error: Request limit exceeded. (Service: AmazonEC2)", 400, Retryable),
        ("ClientException", "Too many tasks in PROVISIONING. Please try again later.", 400, Retryable),
        ("InvalidParameterException", "No Fargate configuration exists for given values.", 400, Fatal),
        ("AccessDeniedException", DENIED, 400, DeployInProgress),
        ("ClientException", "TaskDefinition is inactive", 400, DeployInProgress),
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            400,
            DeployInProgress,
        ),
        ("UnrecognizedClientException", "The security token included is invalid.", 400, DeployInProgress),
        ("InvalidSignatureException", "Signature expired", 400, DeployInProgress),
        ("InvalidParameterException", "Unable to assume the service linked role.", 400, DeployInProgress),
        ("ClientException", "The requested CPU configuration is above your limit", 400, Retryable),
        ("ClusterNotFoundException", "Cluster not found.", 400, Fatal),
        ("AccessDeniedException", "Access denied", 400, DeployInProgress),
        ("BlockedException", "Your account has been blocked.", 400, Fatal),
        ("PlatformTaskDefinitionIncompatibilityException", "no", 400, Fatal),
    ],
)
def test_each_error_of_the_call_is_classified(
    code: str, message: str, status: int, kind: type[Retryable | Fatal | DeployInProgress]
) -> None:
    answer = answered(service_error_code=code, service_message=message, http_status_code=status)
    assert isinstance(answer, kind)
    assert not isinstance(answer, Started)
    assert answer.why == f"{code}: {message}"
    if isinstance(answer, Retryable):
        assert answer.refused is (status < 500), "after a 5xx nobody knows whether a task was started"


def test_a_conflict_about_a_token_that_started_nothing_is_a_refusal() -> None:
    answer = answered(service_error_code="ConflictException", service_message="Another request")
    assert answer == Retryable(why="ConflictException: Another request", refused=True)


def test_a_conflict_means_that_the_attempt_was_started_before() -> None:
    ecs = boto3.client("ecs")
    with Stubber(ecs) as stub:
        stub.add_client_error(
            "run_task", "ConflictException", "Another request", modeled_fields={"resourceIds": [ARN]}
        )
        assert tasks(ecs).start(JOB) == Started(task_arn=ARN)


def test_a_call_without_an_answer_is_retryable_and_not_a_refusal() -> None:
    class Unreachable:
        def run_task(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://ecs")

    answer = tasks(Unreachable()).start(JOB)
    assert isinstance(answer, Retryable)
    assert not answer.refused


def test_every_size_that_a_job_grows_to_is_one_that_fargate_has() -> None:
    grown = JOB
    for _ in range(3):
        grown = grown.next_attempt(0, "", larger=True) or grown
        assert grown.memory_mb in FARGATE_SIZES[grown.cpu]
    assert grown.memory_mb >= 8 * JOB.memory_mb, "doubled three times"
