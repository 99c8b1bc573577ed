"""QueuePattern on the local AWS: nothing lost, nothing done twice, to none and back, no job interrupted."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from container.queue_worker.metrics import Metric
from runtime.results import manifest_key, pointer_key
from stacks.queue_pattern.backlog_scaling import JOBS_A_TASK
from tests.local.conftest import Deployment, eventually, statements, without
from tests.support.events import s3_event
from tests.support.images import encode, noise
from tests.support.privileges import NEEDS, denied_without
from tools.drivers.deployed import Upload
from tools.drivers.queue_pattern import QueueDriver

MINUTE = 3
"""Seconds of the scaling's minute."""
LONG = encode(noise(9000, 9000), ".jpg")
"""Some seconds of work."""


@pytest.fixture(scope="module")
def queue(deployment: Deployment) -> Iterator[QueueDriver]:
    """QueuePattern where a minute of scaling is short, and what failed comes again soon."""
    aws = deployment.aws
    most_hidden = aws.most_hidden.read_text()
    aws.most_hidden.write_text("5")
    aws.minute.write_text(str(MINUTE))
    outputs = deployment.cdk.deploy("Network", "QueuePattern")["QueuePattern"]
    yield QueueDriver(client=aws.client, outputs=outputs, endpoint=aws.url)
    aws.minute.unlink()
    aws.most_hidden.write_text(most_hidden)


@dataclass(frozen=True)
class Line:
    """Of the service's log."""

    metric: str
    facts: dict[str, Any]


def log(queue: QueueDriver) -> list[Line]:
    pages = queue.client("logs").get_paginator("filter_log_events")
    texts = [
        event["message"]
        for page in pages.paginate(logGroupName=queue.outputs["LogGroup"])
        for event in page["events"]
    ]
    lines = (json.loads(text) for text in texts if text.startswith("{"))
    return [Line(line["message"], line) for line in lines if "_aws" in line]


def counts(queue: QueueDriver) -> Counter[str]:
    return Counter(line.metric for line in log(queue))


def tasks(queue: QueueDriver) -> int:
    return int(queue.service()["runningCount"])


def worked_on(queue: QueueDriver) -> int:
    """Messages that are."""
    name = "ApproximateNumberOfMessagesNotVisible"
    asked = {"QueueUrl": queue.outputs["Queue"], "AttributeNames": [name]}
    return int(queue.client("sqs").get_queue_attributes(**asked)["Attributes"][name])


def written(queue: QueueDriver, upload: Upload) -> Any:
    """When its manifest was."""
    return queue.s3.head_object(Bucket=queue.output, Key=manifest_key(upload.job_id))["LastModified"]


def test_a_scan_becomes_tiles_that_cloudfront_serves(queue: QueueDriver) -> None:
    result = queue.result(queue.upload("a b+é.jpg", encode(noise(1200, 700), ".jpg")))
    assert result.manifest
    info = json.loads(queue.get(f"/v/{result.upload.job_id}/info.json").body)
    assert (info["width"], info["height"]) == (1200, 700)
    refused = queue.result(queue.upload("no.jpg", b"text"))
    assert refused.rejection
    assert refused.rejection["reason"] == "not-an-image"


def test_a_scale_in_during_work_interrupts_no_job(queue: QueueDriver) -> None:
    ecs, outputs = queue.client("ecs"), queue.outputs
    before = counts(queue)
    uploads = [queue.upload(f"long/{number}.jpg", LONG) for number in range(4)]
    eventually(lambda: worked_on(queue))
    ecs.update_service(cluster=outputs["ClusterName"], service=outputs["ServiceName"], desiredCount=0)
    assert tasks(queue) >= 1
    assert all(queue.result(upload, timeout=900).manifest for upload in uploads)
    eventually(lambda: counts(queue)[Metric.DONE] == before[Metric.DONE] + len(uploads))
    assert counts(queue)[Metric.GIVEN_BACK] == before[Metric.GIVEN_BACK]


@pytest.mark.slow
def test_of_300_jobs_in_bursts_none_is_lost_or_done_twice_and_then_no_task_is_left(
    queue: QueueDriver,
) -> None:
    chosen, before = random.Random(24), counts(queue)
    files = [encode(noise(chosen.randint(600, 2400), 1600, seed=seed), ".jpg") for seed in range(12)]
    uploads, again, watched = list[Upload](), 0, Watched(queue)
    while len(uploads) < 300:
        for number in range(len(uploads), min(300, len(uploads) + chosen.randint(40, 100))):
            data = chosen.choice(files) if chosen.random() < 0.9 else b"text"
            uploads.append(queue.upload(f"burst/{number}.jpg", data))
            if chosen.random() < 0.1:  # EventBridge delivers at least once
                send_again(queue, uploads[-1])
                again += 1
        watched.until(chosen.randint(0, 2 * JOBS_A_TASK))
    watched.until(0)
    results = {upload.key: queue.result(upload, timeout=900) for upload in uploads}
    first = {key: written(queue, one.upload) for key, one in results.items() if one.manifest}
    eventually(lambda: (queue.service()["desiredCount"], tasks(queue)) == (0, 0))

    report, most, after = queue.account(uploads), max(watched.wanted), counts(queue) - before
    print(f"{report}; up to {most} tasks, {watched.scale_ins} scale-ins during work; {dict(after)}")
    assert (report.dead, report.unaccounted) == (0, ())
    assert report.published + sum(report.rejected.values()) == 300
    assert first == {key: written(queue, one.upload) for key, one in results.items() if one.manifest}
    assert after[Metric.GIVEN_BACK] == after[Metric.FAILED] == 0
    assert after[Metric.DONE] + after[Metric.REJECTED] == 300 + again
    assert most > 1
    assert watched.scale_ins > 0


@dataclass
class Watched:
    """How many tasks the scaling wanted, and how often fewer than before while there was work."""

    queue: QueueDriver
    wanted: list[int] = field(default_factory=list)
    scale_ins: int = 0

    def until(self, backlog: int) -> None:
        """Looks until the backlog is that small. Each look asks ECS, which takes a while by itself."""
        while (now := self.queue.backlog()) > backlog:
            wanted = int(self.queue.service()["desiredCount"])
            self.scale_ins += bool(self.wanted) and wanted < self.wanted[-1] and now > 0
            self.wanted.append(wanted)


def send_again(queue: QueueDriver, upload: Upload) -> None:
    """The upload's event, as EventBridge may deliver it a second time."""
    event = s3_event(
        upload.key,
        bucket=queue.source,
        version_id=upload.version_id,
        size=upload.bytes,
        sequencer="0" * 16,
    )
    queue.client("sqs").send_message(QueueUrl=queue.outputs["Queue"], MessageBody=json.dumps(event))


def role(queue: QueueDriver) -> str:
    definition = queue.service()["taskDefinition"]
    found = queue.client("ecs").describe_task_definition(taskDefinition=definition)["taskDefinition"]
    return str(found["taskRoleArn"]).rpartition("/")[2]


def test_the_tasks_role_has_the_statements_that_are_listed(queue: QueueDriver) -> None:
    found = {
        statement["Action"] if isinstance(statement["Action"], str) else statement["Action"][0]
        for statement in statements(queue.client, role(queue))
    }
    assert found == {*NEEDS["queue worker"]}


@pytest.mark.parametrize(("action", "call"), denied_without("queue worker").items())
def test_without_a_statement_its_call_is_denied_and_with_it_again_nothing_was_lost(
    queue: QueueDriver, action: str, call: str
) -> None:
    key = f"{call}-{action.replace(':', '-')}.jpg"
    before = denied(queue, call)
    with without(queue.client, role(queue), action):
        queue.upload(key, encode(noise(300, 200), ".jpg"))
        eventually(lambda: queue.read(pointer_key(key)) or denied(queue, call) > before)
        queue.s3.delete_object(Bucket=queue.source, Key=key)
        eventually(lambda: denied(queue, call) > before)
    eventually(lambda: queue.backlog() == 0)
    assert json.loads(queue.read(pointer_key(key)) or b"{}").get("state") == "deleted"
    assert queue.waiting(queue.outputs["DeadLetters"]) == 0


def denied(queue: QueueDriver, call: str) -> int:
    """Lines that say so."""
    said = re.compile(rf"AccessDenied\w*\) when calling the {call} operation")
    return sum(bool(said.search(str(line.facts))) for line in log(queue))
