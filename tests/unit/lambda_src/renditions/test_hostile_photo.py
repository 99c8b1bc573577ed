"""A photo that kills its process, among ten good ones: only its own message becomes a dead letter.

As in the template, an invocation gets one message. The function runs in a process of its own; the queue is
moto's. As AWS documents, after a failed invocation a message stays hidden until its visibility timeout ends;
the test ends that early instead of waiting.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from stacks.constructs.event_queue import MAX_RECEIVES
from tests.support.events import s3_event
from tests.support.images import corners, encode
from tests.unit.conftest import World

ROOT = Path(__file__).parents[4]
PHOTO = encode(corners(600, 400), ".jpg")
HOSTILE = PHOTO + b"hostile"
FUNCTION = """
import json, os, signal, sys
from lambda_src.renditions import handler, photos
render = photos.render
def fragile(data, header, limits):
    if data.endswith(b"hostile"):
        os.kill(os.getpid(), signal.SIGKILL)
    return render(data, header, limits)
photos.render = fragile
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
class Context:
    function_name, memory_limit_in_mb, aws_request_id = "renditions", 1769, "request"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:renditions"
    get_remaining_time_in_millis = lambda self: 120_000
for line in sys.stdin:
    print(json.dumps(handler.handler(json.loads(line), Context())), file=answers, flush=True)
"""


class Environments:
    """One execution environment at a time; once its process has died, the next event starts a new one."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = variables
        self._process: subprocess.Popen[str] | None = None

    def invoke(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Return the function's answer to an event, or None if the process died of it."""
        if self._process is None:
            command = [sys.executable, "-c", FUNCTION]
            pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._variables, text=True, **pipes)
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(event) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            self.end()
        return dict(json.loads(line)) if line else None

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture
def environments(endpoint: str) -> Iterator[Environments]:
    told = {"OUTPUT_BUCKET": "output", "MAX_PIXELS": "1000000", "MAX_BYTES": "500000", "LABELS": "off"}
    told |= {"POWERTOOLS_SERVICE_NAME": "renditions", "POWERTOOLS_METRICS_NAMESPACE": "LambdaPattern"}
    one = Environments({**os.environ, **told, "AWS_ENDPOINT_URL": endpoint})
    yield one
    one.end()


def record(message: dict[str, Any], arn: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }


def test_ten_good_photos_are_published_and_the_hostile_one_is_the_only_dead_letter(
    world: World, environments: Environments
) -> None:
    sqs: Any = boto3.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES})
    queue = sqs.create_queue(
        QueueName="uploads", Attributes={"VisibilityTimeout": "720", "RedrivePolicy": redrive}
    )["QueueUrl"]

    def poll() -> dict[str, Any] | None:
        """Deliver one message, as in the template; return it if it failed, {} if done, None if none came."""
        found = sqs.receive_message(QueueUrl=queue, AttributeNames=["All"]).get("Messages")
        if not found:
            return None
        (message,) = found
        answer = environments.invoke({"Records": [record(message, arn.replace("dead", "uploads"))]})
        if answer == {"batchItemFailures": []}:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return {}
        return dict(message)

    for number in range(11):
        event = world.upload(f"{number}.jpg", HOSTILE if number == 4 else PHOTO)
        body = s3_event(event.key, version_id=event.version_id, sequencer=event.sequencer, size=event.size)
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))

    left = [message for _ in range(11) if (message := poll())]
    assert len(world.keys("latest/")) == 10  # while the hostile one is hidden for the first time
    assert poll() is None

    for _ in range(MAX_RECEIVES - 1):
        (hostile,) = left
        sqs.change_message_visibility(
            QueueUrl=queue, ReceiptHandle=hostile["ReceiptHandle"], VisibilityTimeout=0
        )
        left = [message for message in [poll()] if message]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=left[0]["ReceiptHandle"], VisibilityTimeout=0)
    assert poll() is None
    (letter,) = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(letter["Body"])["detail"]["object"]["key"] == "4.jpg"
    assert len(world.keys("latest/")) == 10
