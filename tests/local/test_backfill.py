"""A backfill of objects that LambdaPattern's bucket already had: stopped in the middle, and resumed."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from runtime.events import job_id
from runtime.jobs.record import State
from runtime.results import manifest_key, pointer_key
from stacks.backfill import stack as backfill_stack
from tests.local.conftest import Deployment, eventually, role_of, without
from tests.support.hybrid import SCAN
from tests.support.images import encode, noise
from tools.commands.backfill import parameters
from tools.drivers.backfill import BackfillDriver
from tools.drivers.deployed import Upload
from tools.drivers.hybrid_pattern import HybridDriver
from tools.drivers.lambda_pattern import LambdaDriver
from tools.local_aws.deployment import stack_name

pytestmark = pytest.mark.slow
OBJECTS = 5_000
AT_ONCE = 20
STACK = "LambdaPatternBackfill"
PROGRAM = f"python3 -m {backfill_stack.__name__}"
SMALL = encode(noise(64, 48), ".jpg")


@dataclass(frozen=True, kw_only=True)
class World:
    pattern: LambdaDriver
    backfill: BackfillDriver

    def start(self, prefix: str, at_once: int = AT_ONCE) -> str:
        return self.backfill.start(prefix=prefix, at_once=at_once)

    def done(self, execution: str) -> int:
        return self.backfill.progress(execution).done

    def ended(self, execution: str, *, seconds: float = 1800) -> str:
        """Return the status of an execution once it has ended."""
        assert eventually(lambda: not self.backfill.progress(execution).is_running, seconds=seconds)
        return self.backfill.progress(execution).status

    def function_is_idle(self) -> bool:
        """Return whether each invocation of the backfill's function has ended."""
        logs, group = self.pattern.client("logs"), self.backfill.outputs["LogGroup"]
        lines = [one["message"] for one in logs.filter_log_events(logGroupName=group)["events"]]
        starts, ends = (sum(line.startswith(word) for line in lines) for word in ("START ", "END "))
        return bool(starts == ends)

    def backlog(self) -> int:
        return self.pattern.waiting(self.pattern.outputs["Queue"])


@pytest.fixture(scope="module")
def world(deployment: Deployment, driver: LambdaDriver) -> Iterator[World]:
    cdk = replace(deployment.cdk, program=PROGRAM)
    outputs = cdk.deploy(STACK, *parameters("LambdaPattern", driver.outputs))[STACK]
    yield World(pattern=driver, backfill=BackfillDriver(client=driver.client, outputs=outputs))
    cdk.destroy(STACK)
    left = driver.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE"])
    assert stack_name(STACK) not in {one["StackName"] for one in left["StackSummaries"]}


def put_unseen(world: World, prefix: str, count: int) -> list[Upload]:
    """Put objects without notifying the pattern."""
    with unseen(world.pattern.client("events"), "LambdaPattern"), ThreadPoolExecutor(8) as threads:
        return list(threads.map(lambda n: world.pattern.upload(f"{prefix}{n:05}.jpg", SMALL), range(count)))


@contextmanager
def unseen(events: Any, pattern: str) -> Iterator[None]:
    """Suppress events of uploads during the block."""
    names = (one["Name"] for one in events.list_rules()["Rules"])
    (rule,) = (name for name in names if name.startswith(f"{stack_name(pattern)}-Uploads"))
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


def published(world: World) -> Counter[str]:
    """Return how often each job was processed completely; finding its result again does not count."""
    logs, group, start = world.pattern.client("logs"), world.pattern.log_group(), 0
    lines: set[str] = set()
    while True:  # MiniStack returns at most 10,000 events, and no nextToken
        found = logs.filter_log_events(logGroupName=group, startTime=start)["events"]
        new = {one["message"] for one in found} - lines
        if not new:
            break
        lines |= new
        start = found[-1]["timestamp"]
    ended = (json.loads(one) for one in lines if '"message":"Published"' in one)
    return Counter(one["job_id"] for one in ended if not one.get("again"))


def test_a_backfill_that_is_stopped_and_started_again_publishes_each_object_once(world: World) -> None:
    objects = put_unseen(world, "old/", OBJECTS)
    assert world.backlog() == 0
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            most.append(world.backlog())

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    first = world.start("old/")
    assert eventually(lambda: world.done(first) >= OBJECTS / 3, seconds=1800)
    world.backfill.stop(first)
    live = [world.pattern.upload("live/1.jpg", SMALL)]
    assert world.ended(first) == "ABORTED"
    eventually(world.function_is_idle)
    assert world.backfill.running() == []
    assert world.done(first) < OBJECTS

    second = world.start("old/")
    live.append(world.pattern.upload("live/2.jpg", SMALL))
    assert eventually(lambda: world.done(second) >= OBJECTS / 2, seconds=1800)
    live.append(world.pattern.upload("old/00000.jpg", encode(noise(32, 24), ".jpg")))
    assert world.ended(second) == "SUCCEEDED"
    over.set()
    watching.join()

    counts = world.backfill.counts(second)
    assert counts.total() == OBJECTS
    assert counts["shown"] >= OBJECTS / 4, "what the first run sent is not sent again"
    assert eventually(lambda: world.backlog() == 0)
    assert all(world.pattern.result(one).manifest for one in (*objects, *live))
    times = published(world)
    assert {one.job_id: times[one.job_id] for one in (*objects, *live)} == {
        one.job_id: 1 for one in (*objects, *live)
    }
    assert max(most) <= AT_ONCE + len(live)

    shown = json.loads(world.pattern.read(pointer_key("old/00000.jpg")) or b"{}")
    assert shown["job_id"] == live[-1].job_id, "a live upload is newer than what a backfill made"


def test_a_run_after_a_finished_one_finds_nothing_to_do(world: World) -> None:
    objects = put_unseen(world, "few/", 90)
    assert world.ended(world.start("few/")) == "SUCCEEDED"
    assert eventually(lambda: world.backlog() == 0)
    assert all(world.pattern.result(one).manifest for one in objects)
    before = published(world)
    execution = world.start("few/")
    assert world.ended(execution) == "SUCCEEDED"
    assert world.backfill.counts(execution) == {"shown": 90}
    assert published(world) == before


def test_what_the_pattern_rejects_is_rejected_once_and_folders_are_left_alone(world: World) -> None:
    put_unseen(world, "mixed/", 1)
    with unseen(world.pattern.client("events"), "LambdaPattern"):
        world.pattern.upload("mixed/a folder/", b"")
        bad = world.pattern.upload("mixed/no picture.jpg", b"text")
    first = world.start("mixed/")
    assert world.ended(first) == "SUCCEEDED"
    assert world.backfill.counts(first) == {"sent": 2, "folder": 1}
    assert eventually(lambda: world.backlog() == 0)
    assert (world.pattern.result(bad).rejection or {})["reason"] == "not-an-image"
    assert world.pattern.read(manifest_key(job_id(world.pattern.source, bad.key, bad.version_id))) is None
    second = world.start("mixed/")
    assert world.ended(second) == "SUCCEEDED"
    assert world.backfill.counts(second)["rejected"] == 1


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("s3:GetObject", "GetObject"),
        ("sqs:GetQueueAttributes", "GetQueueAttributes"),
    ],
)
def test_the_function_needs_each_statement(world: World, action: str, call: str) -> None:
    """s3:ListBucket is left out: without it, a missing pointer gives 403 on AWS, but not on MiniStack."""
    client, name = world.pattern.client, world.backfill.outputs["FunctionName"]
    put_unseen(world, f"needs-{action.partition(':')[2]}/", 1)
    told = {"BatchInput": {"at_once": 5}, "Items": [{"key": f"needs-{action.partition(':')[2]}/00000.jpg"}]}
    with without(client, role_of(client, name), action):
        answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(told))
    failure = json.loads(answer["Payload"].read())
    assert "AccessDenied" in failure["errorMessage"]
    assert call in failure["errorMessage"]
    answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(told))
    assert json.loads(answer["Payload"].read())["Counts"] == {"sent": 1}


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("lambda:InvokeFunction", ""),  # here, the map run says only that its children failed
        ("s3:ListBucket", "s3:ListBucket"),
        ("s3:AbortMultipartUpload", "s3:PutObject"),
        ("states:StartExecution", "states:StartExecution"),
    ],
)
def test_the_state_machine_needs_each_statement(world: World, action: str, asked: str) -> None:
    """The local AWS does not check the permissions to follow and stop child executions, or to trace."""
    client, machine = world.pattern.client, world.backfill.outputs["StateMachine"]
    role = (
        client("stepfunctions").describe_state_machine(stateMachineArn=machine)["roleArn"].rpartition("/")[2]
    )
    put_unseen(world, "machine/", 1)
    with without(client, role, action):
        execution = world.start("machine/")
        assert world.ended(execution) == "FAILED"
    assert asked in world.backfill.progress(execution).why
    assert world.ended(world.start("machine/")) == "SUCCEEDED"


def test_the_function_also_counts_the_jobs_that_have_left_the_queue(
    deployment: Deployment, hybrid: HybridDriver
) -> None:
    """The function counts HybridPattern's jobs in the job table, as its policy allows."""
    stack = "HybridPatternBackfill"
    with unseen(hybrid.client("events"), "HybridPattern"):
        scans = [hybrid.upload(f"before/{number}.tif", SCAN) for number in range(3)]
    cdk = replace(deployment.cdk, program=PROGRAM)
    outputs = cdk.deploy(stack, *parameters("HybridPattern", hybrid.outputs))[stack]
    feed = BackfillDriver(client=hybrid.client, outputs=outputs)
    execution = feed.start(prefix="before/", at_once=1)
    jobs = [hybrid.wait(one) for one in scans]
    assert [job.state for job in jobs] == [State.DONE] * 3
    assert eventually(lambda: not feed.progress(execution).is_running)
    assert feed.counts(execution) == {"sent": 3}

    client, name = hybrid.client, outputs["FunctionName"]
    told = {"BatchInput": {"at_once": 1}, "Items": [{"key": "before/new.tif"}]}
    with unseen(client("events"), "HybridPattern"):
        hybrid.upload("before/new.tif", SCAN)
    with without(client, role_of(client, name), "dynamodb:Query"):
        answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(told))
    assert "Query" in json.loads(answer["Payload"].read())["errorMessage"]
    cdk.destroy(stack)
