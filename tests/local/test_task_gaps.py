"""Gaps in MiniStack's ECS and in its VPC origins; once one is closed, its patch can go."""

import json
import os
import subprocess
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import as_user, eventually
from tools.local_aws.aws import ACCOUNT, PYTHON, REGION, ROOT, LocalAws

SLEEP = ["python3", "-c", "import time; time.sleep(60)"]
PROTECTED = """
import json, os, time, urllib.request
state = json.dumps({"ProtectionEnabled": True}).encode()
url = os.environ.get("ECS_AGENT_URI", "") + "/task-protection/v1/state"
asked = urllib.request.Request(url, data=state, method="PUT") if url.startswith("http") else None
while asked and b"failure" in urllib.request.urlopen(asked).read():  # the task is not RUNNING yet
    time.sleep(0.1)
print("at work", flush=True)
time.sleep(600)
"""
HUNGRY = ["python3", "-c", "a = [bytearray(b'1' * 2**20) for _ in range(2000)]; import time; time.sleep(60)"]
GROUP = "gaps"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}


def definition(aws: LocalAws, command: list[str], memory: str = "512", role: str = "") -> str:
    """Register a task definition that runs a command in an available image; return its ARN."""
    if aws.containers["LOCAL_AWS_CONTAINERS"] == "docker":
        image = os.environ["CONTAINER_BASE"]
    else:
        image = "gap"
        (Path(aws.containers["LOCAL_AWS_IMAGES"]) / quote(image, safe="")).mkdir(parents=True, exist_ok=True)
    logs = {"awslogs-group": GROUP, "awslogs-region": REGION, "awslogs-stream-prefix": "gap"}
    container = {
        "name": "worker",
        "image": image,
        "entryPoint": command,
        "stopTimeout": 2,
        "logConfiguration": {"logDriver": "awslogs", "options": logs},
    }
    made = aws.client("ecs").register_task_definition(
        family="gap",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory=memory,
        containerDefinitions=[container],
        **({"taskRoleArn": role} if role else {}),
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def run(aws: LocalAws, task_definition: str, **named: Any) -> dict[str, Any]:
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName="gaps")
    asked = {"cluster": "gaps", "launchType": "FARGATE", "networkConfiguration": NETWORK, **named}
    return dict(ecs.run_task(taskDefinition=task_definition, **asked))


def task(aws: LocalAws, arn: str, status: str) -> dict[str, Any]:
    """Return the task once it has that status."""

    def look() -> Any:
        (found,) = aws.client("ecs").describe_tasks(cluster="gaps", tasks=[arn])["tasks"]
        return found if found["lastStatus"] == status else None

    return dict(eventually(look))


def stop(aws: LocalAws, arn: str) -> dict[str, Any]:
    aws.client("ecs").stop_task(cluster="gaps", task=arn, reason="enough")
    return task(aws, arn, "STOPPED")


def test_ministack_ignores_the_requested_size_of_a_task_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, cpu in ((bare, "256"), (patched, "512")):
        made = run(aws, definition(aws, SLEEP), overrides={"cpu": "512", "memory": "1024"})["tasks"][0]
        assert task(aws, made["taskArn"], "RUNNING")["cpu"] == cpu
        stop(aws, made["taskArn"])


def test_ministack_starts_tasks_beyond_the_quota_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    for aws, started in ((bare, 1), (patched, 0)):
        aws.vcpus.write_text("0.1")
        made = run(aws, definition(aws, SLEEP), clientToken="over-the-quota")
        assert len(made["tasks"]) == started
        aws.vcpus.unlink()
        for one in made["tasks"]:
            stop(aws, one["taskArn"])


def test_ministack_ignores_the_client_token_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    for aws, tasks in ((bare, 2), (patched, 1)):
        asked = definition(aws, SLEEP)
        arns = {run(aws, asked, clientToken="once")["tasks"][0]["taskArn"] for _ in range(2)}
        assert len(arns) == tasks
        if aws is patched:
            with pytest.raises(ClientError, match="ConflictException") as error:
                run(aws, asked, clientToken="once", overrides={"cpu": "512"})
            assert set(error.value.response["resourceIds"]) == arns  # type: ignore[typeddict-item]
        for arn in arns:
            stop(aws, arn)


def test_ministack_ignores_the_token_of_a_request_that_started_nothing_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, started in ((bare, 1), (patched, 0)):
        asked = definition(aws, SLEEP)
        aws.vcpus.write_text("0.1")
        first = run(aws, asked, clientToken="no-room")
        aws.vcpus.unlink()
        again = run(aws, asked, clientToken="no-room")
        another = run(aws, asked, clientToken="no-room-2")
        assert (len(again["tasks"]), len(another["tasks"])) == (started, 1)
        if aws is patched:
            assert again["failures"] == first["failures"]
        for one in {made["taskArn"] for answer in (first, again, another) for made in answer["tasks"]}:
            stop(aws, one)


def test_ministack_reports_exit_code_0_for_a_stopped_task_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, code in ((bare, 0), (patched, 143)):
        arn = run(aws, definition(aws, SLEEP))["tasks"][0]["taskArn"]
        task(aws, arn, "RUNNING")
        stopped = stop(aws, arn)
        assert stopped["containers"][0]["exitCode"] in (code, 137 if aws is patched else code)
        assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")


def test_ministack_gives_no_reason_when_a_task_runs_out_of_memory_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, says in ((bare, ""), (patched, "OutOfMemoryError")):
        arn = run(aws, definition(aws, HUNGRY))["tasks"][0]["taskArn"]
        stopped = task(aws, arn, "STOPPED")
        assert stopped["containers"][0]["exitCode"] == 137
        assert says in stopped["containers"][0].get("reason", "")
        assert bool(stopped["containers"][0].get("reason")) is bool(says)


def test_ministack_sends_no_event_when_a_task_ends_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    for aws, told in ((bare, False), (patched, True)):
        sqs, events = aws.client("sqs"), aws.client("events")
        url = sqs.create_queue(QueueName="ends")["QueueUrl"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:ends"
        allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        pattern = {"source": ["aws.ecs"], "detail": {"lastStatus": ["STOPPED"]}}
        events.put_rule(Name="ends", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="ends", Targets=[{"Id": "queue", "Arn": queue}])
        arn = run(aws, definition(aws, ["true"]))["tasks"][0]["taskArn"]
        task(aws, arn, "STOPPED")
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20 if told else 1).get("Messages", [])
        assert [json.loads(one["Body"])["detail"]["taskArn"] for one in found] == [arn] * told


def test_ministack_stops_a_task_protected_from_scale_in_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, kept in ((bare, False), (patched, True)):
        ecs = aws.client("ecs")
        ecs.create_cluster(clusterName="gaps")
        aws.client("logs").create_log_group(logGroupName=GROUP)
        protects = definition(aws, ["python3", "-c", PROTECTED], role=protecting_role(aws))
        for name, asked in (("protected", protects), ("open", definition(aws, SLEEP))):
            ecs.create_service(
                cluster="gaps",
                serviceName=name,
                taskDefinition=asked,
                desiredCount=1,
                launchType="FARGATE",
                networkConfiguration=NETWORK,
            )
        eventually(partial(is_at_work, aws))
        for name in ("protected", "open"):
            ecs.update_service(cluster="gaps", service=name, desiredCount=0)
        eventually(partial(has_none, aws, "open"))  # if nothing protects "protected", it has stopped too
        assert bool(tasks_of(aws, "protected")) is kept
        for name in ("protected", "open"):
            ecs.delete_service(cluster="gaps", service=name, force=True)


def tasks_of(aws: LocalAws, service: str) -> list[str]:
    return list(aws.client("ecs").list_tasks(cluster="gaps", serviceName=service)["taskArns"])


def has_none(aws: LocalAws, service: str) -> bool:
    return not tasks_of(aws, service)


def protecting_role(aws: LocalAws) -> str:
    """Create a role for a task that may protect itself."""
    trust = {"Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allow = {"Action": "ecs:UpdateTaskProtection", "Resource": "*"}
    trusted, allowed = (
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one}]})
        for one in (trust, allow)
    )
    iam = aws.client("iam")
    role = iam.create_role(RoleName="protects", AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    iam.put_role_policy(RoleName="protects", PolicyName="all", PolicyDocument=allowed)
    return str(role)


def is_at_work(aws: LocalAws) -> bool:
    return "at work" in str(aws.client("logs").filter_log_events(logGroupName=GROUP)["events"])


def test_ministack_ignores_run_task_permissions_on_a_definition_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, allowed in ((bare, False), (patched, True)):
        aws.client("ecs").create_cluster(clusterName="gaps")
        asked = definition(aws, ["true"])
        cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/gaps"
        user = as_user(aws, "ecs", "ecs:RunTask", asked, {"ArnEquals": {"ecs:cluster": cluster}})
        for name, passes in (("gaps", allowed), ("another", False)):
            may = nullcontext() if passes else pytest.raises(ClientError, match="AccessDenied")
            with may:
                user.run_task(cluster=name, taskDefinition=asked, launchType="FARGATE")


def test_ministack_runs_no_health_checks_even_when_patched(patched: LocalAws) -> None:
    elb = patched.client("elbv2")
    vpc = patched.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    made = elb.create_target_group(Name="closed", Protocol="HTTP", Port=9, VpcId=vpc, TargetType="ip")
    arn = made["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.9.9.9", "Port": 9}])
    (health,) = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert health["TargetHealth"]["State"] == "healthy"


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    """Run parts of MiniStack without patches, for gaps that no API call shows."""
    script = ROOT / "tests/support/bare.py"
    done = subprocess.run([PYTHON, str(script)], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_unpatched_ministack_starts_containers_without_these_options(parts: dict[str, Any]) -> None:
    missing = {
        "entrypoint",
        "user",
        "read_only",
        "cap_drop",
        "mem_limit",
        "nano_cpus",
        "healthcheck",
        "volumes",
    }
    assert not missing & {*parts["options"]}


def test_unpatched_ministack_gives_a_task_no_role_of_its_own(parts: dict[str, Any]) -> None:
    assert parts["role"] in ("", "arn:aws:iam::000000000000:role/ministack-ecs-task-role")


def test_unpatched_ministack_ignores_a_containers_stop_timeout(parts: dict[str, Any]) -> None:
    assert parts["stop_timeout"] == [5]


def test_unpatched_ministack_uses_the_viewers_protocol_for_a_vpc_origin(parts: dict[str, Any]) -> None:
    assert parts["vpc_origin"] == "match-viewer"


def test_unpatched_ministack_blocks_while_it_deletes_a_service(parts: dict[str, Any]) -> None:
    assert parts["service_blocks"]
