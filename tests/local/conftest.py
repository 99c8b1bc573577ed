"""A local AWS, and patterns that the real CDK CLI deploys to it, each once for all tests that need it."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tools.drivers.deployed import Client
from tools.drivers.fargate_pattern import ServiceDriver
from tools.drivers.hybrid_pattern import HybridDriver
from tools.drivers.lambda_pattern import LambdaDriver
from tools.drivers.lambda_service import FunctionDriver
from tools.drivers.stream_pattern import StreamDriver
from tools.local_aws.aws import LocalAws, local_aws
from tools.local_aws.deployment import Cdk

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
STACK = "LambdaPattern"
PATCHES = (
    "assume_tls",
    "keep_bucket_tags",
    "refuse_to_delete_a_full_bucket",
    "name_the_version_in_events",
    "ask_the_queue_policy",
    "miss_images_that_are_not_there",
    "authorize_on_the_repositories_named",
    "authorize_batches_as_single_messages",
    "miss_tiles_that_are_not_there",
    "heed_the_range_of_a_version",
    "tell_the_range_of_a_vpc",
    "make_vpc_origins",
    "record_alarms_on_expressions",
    "record_the_rest",
    "read_streams_as_event_sources_do",
    "keep_shards_that_are_closed",
    "log_requests_as_they_come",
    "sign_requests_for_function_urls",
    "label_pictures",
    "heed_the_modes_of_packages",
    "lead_custom_runtimes_here",
    "keep_vpc_origins_to_their_zones",
    "size_tasks_as_they_are_asked",
    "keep_to_a_quota",
    "remember_client_tokens",
    "end_tasks_as_fargate_does",
    "tell_of_tasks_that_stopped",
    "authorize_tasks_as_ecs_does",
    "answer_as_the_agent_of_a_task",
    "protect_tasks_from_scale_in",
    "end_services_while_others_are_answered",
    "scale_services_by_alarms",
    "run_children_on_batches",
    "write_the_results_of_map_runs",
    "stop_a_map_run_with_its_execution",
    "authorize_state_machines_by_their_role",
)
"""Patches that are left out when MiniStack is started to show its gaps."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    aws: LocalAws
    cdk: Cdk


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder: Path = tmp_path_factory.mktemp("local")
    with local_aws(folder / "local-aws.log") as aws:
        aws.most_hidden.write_text("1")  # failed messages and batches come again within a second
        cdk = Cdk(aws=aws, folder=folder)
        cdk.bootstrap()
        yield Deployment(aws=aws, cdk=cdk)


@pytest.fixture(scope="session")
def driver(deployment: Deployment) -> LambdaDriver:
    """Deploy LambdaPattern."""
    return LambdaDriver(client=deployment.aws.client, outputs=deployment.cdk.deploy(STACK)[STACK])


@pytest.fixture(scope="session")
def service(deployment: Deployment) -> ServiceDriver:
    """Deploy FargatePattern and its network; wait until the service is steady."""
    outputs = deployment.cdk.deploy("Network", "FargatePattern")["FargatePattern"]
    made = ServiceDriver(client=deployment.aws.client, outputs=outputs, endpoint=deployment.aws.url)
    made.wait_until_steady()
    print(f"Tasks run by {deployment.aws.containers['LOCAL_AWS_CONTAINERS']}.")
    return made


@pytest.fixture(scope="session")
def answering(deployment: Deployment) -> FunctionDriver:
    """Deploy LambdaService."""
    outputs = deployment.cdk.deploy("LambdaService")["LambdaService"]
    return FunctionDriver(client=deployment.aws.client, outputs=outputs, endpoint=deployment.aws.url)


@pytest.fixture(scope="session")
def hybrid(deployment: Deployment) -> HybridDriver:
    """Deploy HybridPattern and its network."""
    outputs = deployment.cdk.deploy("Network", "HybridPattern")["HybridPattern"]
    aws = deployment.aws
    return HybridDriver(client=aws.client, resource=aws.resource, outputs=outputs, endpoint=aws.url)


@pytest.fixture(scope="session")
def stream(deployment: Deployment) -> StreamDriver:
    """Deploy StreamPattern."""
    outputs = deployment.cdk.deploy("StreamPattern")["StreamPattern"]
    return StreamDriver(client=deployment.aws.client, outputs=outputs)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Yield MiniStack without the patches in `PATCHES`."""
    with local_aws(tmp_path_factory.mktemp("bare") / "log", without=PATCHES) as aws:
        yield aws


@pytest.fixture(scope="session")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Yield another local AWS, in which no pattern is deployed."""
    with local_aws(tmp_path_factory.mktemp("patched") / "log") as aws:
        yield aws


@contextmanager
def by_tasks_only(hybrid: HybridDriver) -> Iterator[None]:
    """Keep the dispatcher from running jobs itself during the block."""
    lambda_, name = hybrid.client("lambda"), hybrid.outputs["FunctionName"]
    before = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    change = lambda_.update_function_configuration
    change(FunctionName=name, Environment={"Variables": {**before, "LAMBDA_SECONDS": "0"}})
    try:
        yield
    finally:
        change(FunctionName=name, Environment={"Variables": before})


@pytest.fixture
def tasks_only(hybrid: HybridDriver) -> Iterator[None]:
    with by_tasks_only(hybrid):
        yield


def eventually(look: Callable[[], T], *, seconds: float = 300) -> T:
    """Call `look` until it returns a true value, and return that; the limit allows for slow machines."""
    begun = monotonic()
    while not (found := look()):
        waited = monotonic() - begun
        if waited > seconds:
            pytest.fail(f"Not within {seconds:.0f} s; the last look gave {found!r}.")
        sleep(max(0.1, min(1, waited / 20)))  # polling takes CPU from what it waits for
    return found


def as_user(
    aws: LocalAws, service: str, action: str, resource: str, condition: dict[str, Any] | None = None
) -> Any:
    """Return a client for a new IAM user with only this permission; root is not subject to IAM policies."""
    iam = aws.client("iam")
    name = f"user-{len(iam.list_users()['Users'])}"
    iam.create_user(UserName=name)
    conditions = {"Condition": condition} if condition else {}
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **conditions}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return aws.client(service, key=made["AccessKeyId"], secret=made["SecretAccessKey"])


def count(sqs: Any, queue_url: str) -> int:
    """Return the number of visible messages in a queue."""
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])["Attributes"][name])


def logged(driver: LambdaDriver, word: str) -> list[dict[str, Any]]:
    """Return the events of the function's log that contain a word."""
    found = driver.client("logs").filter_log_events(logGroupName=driver.log_group())["events"]
    return [one for one in found if word in one["message"]]


@contextmanager
def paused(driver: LambdaDriver) -> Iterator[None]:
    """Keep messages from reaching the function during the block."""
    lambda_ = driver.client("lambda")
    found = lambda_.list_event_source_mappings(FunctionName=driver.outputs["FunctionName"])
    (mapping,) = found["EventSourceMappings"]
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


MANY_RECEIVES = 1000
"""SQS's maximum: however slow the machine is, no message is dead-lettered."""


def redeliver_soon(sqs: Any, queue: str, *, seconds: int = 1, receives: int | None = None) -> dict[str, str]:
    """Redeliver failed messages after `seconds`, and return the queue's previous attributes.

    On a slow machine this also redelivers messages that take longer than `seconds` to process. A message is
    dead-lettered after `receives` receives, by default as many as the stack allows.
    """
    names = ["VisibilityTimeout", "RedrivePolicy"]
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    redrive = json.loads(before["RedrivePolicy"])
    redrive["maxReceiveCount"] = receives or redrive["maxReceiveCount"]
    changed = {"VisibilityTimeout": str(seconds), "RedrivePolicy": json.dumps(redrive)}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=changed)
    return dict(before)


def statements(client: Client, role: str) -> list[dict[str, Any]]:
    """Return the statements of a role's policy."""
    return list(_policy(client, role)[1]["Statement"])


@contextmanager
def without(client: Client, role: str, action: str) -> Iterator[None]:
    """Remove from a role, during the block, the statement whose first action is `action`."""
    name, policy = _policy(client, role, action)
    kept = [one for one in policy["Statement"] if actions(one)[0] != action]
    assert len(kept) == len(policy["Statement"]) - 1
    put = partial(client("iam").put_role_policy, RoleName=role, PolicyName=name)
    put(PolicyDocument=json.dumps({**policy, "Statement": kept}))
    try:
        yield
    finally:
        put(PolicyDocument=json.dumps(policy))


@contextmanager
def lacking(driver: LambdaDriver, action: str, *, receives: int = MANY_RECEIVES) -> Iterator[None]:
    """Use `without` on the function's role; redeliver failed messages soon, up to `receives` times in all."""
    role, queue = role_of(driver.client, driver.outputs["FunctionName"]), driver.outputs["Queue"]
    sqs = driver.client("sqs")
    before = redeliver_soon(sqs, queue, receives=receives)
    try:
        with without(driver.client, role, action):
            yield
        eventually(lambda: not driver.waiting(queue))  # else a message that came often would be dead-lettered
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)


def actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else list(found)


def role_of(client: Client, function: str) -> str:
    """Return the name of a function's role."""
    found = client("lambda").get_function_configuration(FunctionName=function)["Role"]
    return str(found.rsplit("/", 1)[-1])


def worker_role(hybrid: HybridDriver) -> str:
    """Return the name of the task role of the hybrid's worker."""
    ecs = hybrid.client("ecs")
    (family,) = (name for name in ecs.list_task_definitions()["taskDefinitionArns"] if "Hybrid" in name)
    found = ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["taskRoleArn"]
    return str(found.rsplit("/", 1)[-1])


def process_of(aws: LocalAws, task: Mapping[str, Any]) -> int:
    """Return the pid of a task's container on this machine."""
    (container,) = task["containers"]
    if aws.containers["LOCAL_AWS_CONTAINERS"] == "processes":
        return int(container["runtimeId"])  # the padded pid: tools/local_aws/emulator/processes.py
    found = subprocess.run(
        ["docker", "inspect", container["runtimeId"], "--format", "{{.State.Pid}}"],
        capture_output=True,
        check=True,
    )
    assert int(found.stdout), "The container has no process (any more); pid 0 would be our process group."
    return int(found.stdout)


def _policy(client: Client, role: str, action: str = "") -> tuple[str, dict[str, Any]]:
    """Return a policy's name and document; of several, the one in which `action` is first in a statement."""
    iam = client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    found = [(one, iam.get_role_policy(RoleName=role, PolicyName=one)["PolicyDocument"]) for one in names]
    if len(found) > 1:
        found = [one for one in found if action in {actions(each)[0] for each in one[1]["Statement"]}]
    (policy,) = found
    return policy
