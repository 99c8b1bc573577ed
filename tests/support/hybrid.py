"""HybridPattern without AWS: moto's buckets, table and queue, a fake ECS, and a clock that tests set."""

import json
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import boto3
from botocore.exceptions import ClientError

from container.worker.attempt import Attempt
from lambda_src.dispatcher.dispatch import Dispatcher
from lambda_src.tracker.track import Tracker
from runtime.imaging.limits import Limits
from runtime.jobs.record import Job
from runtime.jobs.removals import Removals
from runtime.jobs.table import JobStore
from runtime.jobs.task_launcher import TaskLauncher
from runtime.jobs.wake_ups import WakeUps
from runtime.placement.placement import Rules
from runtime.results import Output
from runtime.sqs_batch import Outcome
from runtime.work.scans import Scans
from runtime.work.work import Work
from runtime.work.works import Works
from tests.support.events import s3_event
from tests.support.images import encode, noise
from tests.support.jobs import LAUNCH

FULL = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
SCAN = encode(noise(1200, 700), ".tif")
SECONDS = 300.0
"""Timeout of the dispatcher's function."""
Message = dict[str, Any]


@dataclass
class Ecs:
    """RunTask, DescribeTasks and StopTask. no_room: RunTask starts nothing; no_spot: nothing on Spot.

    vcpus: the account's quota for all tasks together.

    A repeated client token gets the first answer again for 24 hours; after one hour, failures lack reasons:
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ECS_Idempotency.html
    """

    clock: Callable[[], float]
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    no_room: bool = False
    vcpus: float = math.inf
    no_spot: bool = False
    answers: dict[str, tuple[dict[str, Any], float, list[str]]] = field(default_factory=dict)

    def run_task(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        token = request["clientToken"]
        if token not in self.answers or self.clock() - self.answers[token][1] > 24 * 3600:
            self.answers[token] = request, self.clock(), self._started(request)
        first, at, arns = self.answers[token]
        if first != request:
            raise ClientError(
                {"Error": {"Code": "ConflictException", "Message": "Another request"}, "resourceIds": arns},  # type: ignore[typeddict-unknown-key]
                "RunTask",
            )
        if arns:
            return {"tasks": [self.tasks[arn] for arn in arns], "failures": []}
        return {"tasks": [], "failures": [{"reason": FULL} if self.clock() - at <= 3600 else {}]}

    def _started(self, request: dict[str, Any]) -> list[str]:
        wanted = int(request["overrides"]["cpu"])
        used = sum(int(self.tasks[arn]["overrides"]["cpu"]) for arn in self.live)
        full = self.no_room or used + wanted > self.vcpus * 1024
        if full or (self.no_spot and "capacityProviderStrategy" in request):
            return []
        arn = f"arn:aws:ecs:us-east-1:000000000000:task/cluster/{len(self.tasks):032x}"
        self.tasks[arn] = {"taskArn": arn, "lastStatus": "RUNNING", "overrides": request["overrides"]}
        return [arn]

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        return {"tasks": [self.tasks[arn] for arn in tasks if arn in self.tasks], "failures": []}

    def stop_task(self, *, cluster: str, task: str, reason: str) -> None:
        self.stopped.append(reason)
        self.end(task, code="UserInitiated", reason=reason, exit_code=4)

    def end(
        self,
        arn: str,
        *,
        exit_code: int | None = None,
        code: str = "EssentialContainerExited",
        reason: str = "",
        why: str = "",
    ) -> Message:
        """Stop the task; return the event that ECS would send."""
        container: dict[str, Any] = {"name": "worker", **({"reason": why} if why else {})}
        if exit_code is not None:
            container["exitCode"] = exit_code
        task = self.tasks[arn]
        task.update(
            lastStatus="STOPPED", stopCode=code, stoppedReason=reason, containers=[container], version=5
        )
        return {"detail-type": "ECS Task State Change", "source": "aws.ecs", "detail": dict(task)}

    @property
    def live(self) -> list[str]:
        return [arn for arn, task in self.tasks.items() if task["lastStatus"] != "STOPPED"]


@dataclass
class Edge:
    """CloudFront. asked: invalidated paths by caller reference. busy: other invalidations take up all of the
    15 wildcard paths that may be in progress at a time.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html
    """

    asked: dict[str, list[str]] = field(default_factory=dict)
    busy: bool = False

    def create_invalidation(self, *, DistributionId: str, InvalidationBatch: dict[str, Any]) -> None:  # noqa: N803
        paths = InvalidationBatch["Paths"]["Items"]
        if self.busy or len(paths) > 15:
            raise ClientError(
                {"Error": {"Code": "TooManyInvalidationsInProgress", "Message": "Try again"}},
                "CreateInvalidation",
            )
        self.asked[InvalidationBatch["CallerReference"]] = paths


class OneAtATime:
    """A table with atomic conditional writes, as in DynamoDB; moto checks first and then writes."""

    def __init__(self, table: Any) -> None:
        self._table, self._lock = table, threading.Lock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._table, name)

        def call(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                return found(*arguments, **named)

        return call


@dataclass
class World:
    """An account in which a test uploads, delivers messages as it likes, and runs workers as tasks would."""

    s3: Any
    table: Any
    sqs: Any
    queue: str
    now: float = 1_800_000_000.0
    counted: dict[str, int] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(16, 1_000_000)))
    spot: bool = False
    rules: Rules = field(default_factory=Rules)
    limits: Limits = field(default_factory=lambda: Limits(max_pixels=10_000_000, max_bytes=10_000_000))
    kinds: Sequence[Work] = ()
    """The kinds of work; by default, only scans, which become tiles."""
    edge: Edge = field(default_factory=Edge)
    ecs: Ecs = field(init=False)

    def __post_init__(self) -> None:
        self.ecs = Ecs(clock=lambda: self.now)

    @property
    def jobs(self) -> JobStore:
        return JobStore(table=self.table, clock=lambda: self.now)

    @property
    def removals(self) -> Removals:
        return Removals(table=self.table, clock=lambda: self.now)

    @property
    def works(self) -> Works:
        return Works(
            s3=self.s3,
            output=Output(s3=self.s3, bucket="output", withdrawn=self.removals.add),
            url="https://tiles.example.com",
            kinds=self.kinds or [Scans(limits=self.limits)],
        )

    @property
    def dispatcher(self) -> Dispatcher:
        tasks = TaskLauncher(ecs=cast("Any", self.ecs), launch=LAUNCH)
        return Dispatcher(jobs=self.jobs, tasks=tasks, works=self.works, rules=self.rules, spot=self.spot)

    def by_tasks_only(self) -> "World":
        self.rules = replace(self.rules, lambda_seconds=0)
        return self

    def upload(self, data: bytes, key: str = "a.tif") -> Message:
        version = self.s3.put_object(Bucket="source", Key=key, Body=data)["VersionId"]
        return s3_event(key, version_id=version, sequencer=f"{next(self.numbers):016X}", size=len(data))

    def dispatch(self, message: Message, *, seconds: Callable[[], float] = lambda: SECONDS) -> Outcome:
        return self.dispatcher.run(message, seconds)

    def track(self, message: Message) -> Outcome:
        tracker = Tracker(
            ecs=cast("Any", self.ecs),
            cluster="cluster",
            cloudfront=cast("Any", self.edge),
            distribution="E1",
            jobs=self.jobs,
            removals=self.removals,
            wake_ups=WakeUps(sqs=self.sqs, queue_url=self.queue),
            count=lambda name, value: self.counted.update({name: self.counted.get(name, 0) + value}),
        )
        return tracker.run(message)

    def sweep(self) -> Outcome:
        return self.track({"detail-type": "Scheduled Event", "detail": {}})

    def deliver_wake_ups(self) -> list[Outcome]:
        """Deliver the tracker's wake-ups to the dispatcher, as the queue does."""
        outcomes = []
        while found := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                outcomes.append(self.dispatch(json.loads(message["Body"])))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return outcomes

    def work(self, arn: str) -> int:
        """Run the task with that ARN; return its exit code."""
        return self.attempt(arn).run()

    def attempt(self, arn: str) -> Attempt:
        pairs = self.ecs.tasks[arn]["overrides"]["containerOverrides"][0]["environment"]
        told = {pair["name"]: pair["value"] for pair in pairs}
        return Attempt(
            say=lambda code, _why: code,
            is_stopped=lambda: False,
            job_id=told["JOB_ID"],
            number=int(told["ATTEMPT"]),
            task_arn=arn,
            seconds=3600,
            jobs=self.jobs,
            works=self.works,
        )

    def run_task(self, arn: str) -> Message:
        """Run a task; return the event of its end."""
        return self.ecs.end(arn, exit_code=self.work(arn))

    @property
    def job(self) -> Job:
        (job,) = self.jobs.all()
        return job

    def everything(self) -> dict[str, bytes]:
        """Return all objects of the output bucket."""
        return {key: self.s3.get_object(Bucket="output", Key=key)["Body"].read() for key in self.keys()}

    def keys(self, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket="output", Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", [])]


def make_world() -> World:
    """Create a world; call this inside moto's mock_aws."""
    s3, dynamodb, sqs = boto3.client("s3"), boto3.resource("dynamodb"), boto3.client("sqs")
    for bucket in ("source", "output"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
    types = {"job_id": "S", "queue": "S", "due": "N"}
    index = [{"AttributeName": "queue", "KeyType": "HASH"}, {"AttributeName": "due", "KeyType": "RANGE"}]
    table = dynamodb.create_table(
        TableName="jobs",
        KeySchema=[{"AttributeName": "job_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
        GlobalSecondaryIndexes=[
            {"IndexName": "open", "KeySchema": index, "Projection": {"ProjectionType": "KEYS_ONLY"}}
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    queue = sqs.create_queue(QueueName="uploads")["QueueUrl"]
    return World(s3=s3, table=OneAtATime(table), sqs=sqs, queue=queue)


def published(world: World, job: Job) -> bool:
    """Return whether the job's results are complete. Raises if the key's pointer does not name the job."""
    keys = world.keys(f"v/{job.job_id}/")
    pointer = json.loads(world.s3.get_object(Bucket="output", Key=f"latest/{job.key}.json")["Body"].read())
    assert pointer["job_id"] == job.job_id
    images = [key for key in keys if key.endswith(".jpg")]
    complete = {f"v/{job.job_id}/info.json", f"v/{job.job_id}/manifest.json"} <= {*keys}
    return complete and len(images) == pointer["pyramid"]["tiles"] + 1  # full/max is not a tile


def invisible(world: World, job: Job) -> bool:
    """Return whether nothing of the job exists that a viewer could find."""
    return not {f"v/{job.job_id}/info.json", f"v/{job.job_id}/manifest.json"} & {*world.keys()}
