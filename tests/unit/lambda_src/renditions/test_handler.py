"""The handler as Lambda calls it: a batch in, the ids of failures out."""

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from botocore.exceptions import ClientError

from runtime.events import job_id
from runtime.rejection import Reason
from tests.support.events import s3_event, sqs_batch
from tests.support.images import corners, encode
from tests.support.lambda_context import Context
from tests.unit.conftest import World, failing

ROOT = Path(__file__).parents[4]
PHOTO = encode(corners(600, 400), ".jpg")
BROKEN = b"\0"


@pytest.fixture
def module(world: World, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the handler in the environment that the stack sets."""
    for name, value in {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "OUTPUT_BUCKET": "output",
        "MAX_PIXELS": "1000000",
        "MAX_BYTES": "500000",
        "LABELS": "off",
        "POWERTOOLS_SERVICE_NAME": "renditions",
        "POWERTOOLS_METRICS_NAMESPACE": "LambdaPattern",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("lambda_src.renditions.handler", "runtime.sqs_batch"):
        sys.modules.pop(name, None)
    return importlib.import_module("lambda_src.renditions.handler")


def logs_to(stream: io.StringIO) -> None:
    """Send the log of the last imported handler to a stream."""
    sys.modules["runtime.sqs_batch"].logger.registered_handler.setStream(stream)


def test_importing_the_handler_makes_no_client_of_botocore() -> None:
    """Creating a botocore client would take most of a cold start: docs/decisions/0003."""
    program = "import sys, lambda_src.renditions.handler; print('botocore.session' in sys.modules)"
    environment = {**os.environ, "OUTPUT_BUCKET": "b", "MAX_PIXELS": "1", "MAX_BYTES": "1", "LABELS": "off"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr


def body(world: World, key: str, data: bytes) -> dict[str, Any]:
    event = world.upload(key, data)
    return s3_event(key, version_id=event.version_id, sequencer=event.sequencer, size=event.size)


def test_one_bad_image_in_a_batch_of_ten_is_rejected_and_the_others_are_published(
    world: World, module: ModuleType
) -> None:
    bodies = [body(world, f"{number}.jpg", PHOTO if number != 4 else BROKEN) for number in range(10)]
    assert module.handler(sqs_batch(*bodies), Context()) == {"batchItemFailures": []}
    assert len(world.keys("latest/")) == 9
    assert len(world.keys("rejected/")) == 1


def test_only_the_messages_that_failed_are_delivered_again(world: World, module: ModuleType) -> None:
    batch = sqs_batch(body(world, "a.jpg", PHOTO), "not json", body(world, "b.jpg", PHOTO), {"detail": {}})
    result = module.handler(batch, Context())
    assert result == {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "3"}]}
    assert len(world.keys("latest/")) == 2


def test_a_message_that_fails_is_in_the_log_with_its_reason(world: World, module: ModuleType) -> None:
    log = io.StringIO()
    logs_to(log)
    module.handler(sqs_batch(body(world, "a.jpg", PHOTO), "not json"), Context())
    (failed,) = [line for line in map(json.loads, log.getvalue().splitlines()) if line["message"] == "Failed"]
    assert (failed["level"], failed["message_id"], failed["about"]) == ("ERROR", "1", {})
    assert "JSONDecodeError" in failed["exception"]
    assert failed["again_in"].startswith("the queue's visibility timeout: ")  # moto has no such queue here


def test_the_log_says_what_a_failed_message_is_about_and_nothing_of_who_sent_it(
    world: World, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.StringIO()
    logs_to(log)
    event = body(world, "a.jpg", PHOTO)
    event["detail"] |= {"requester": "111122223333", "source-ip-address": "203.0.113.7"}
    monkeypatch.setattr(module.processor.s3, "get_object", failing("SlowDown"))
    module.handler(sqs_batch(event, s3_event("folder/")), Context())
    (failed,) = [line for line in map(json.loads, log.getvalue().splitlines()) if line["message"] == "Failed"]
    version = event["detail"]["object"]["version-id"]
    job = job_id("source", "a.jpg", version)
    assert failed["about"] == {"job_id": job, "key": "a.jpg", "version_id": version}
    assert "203.0.113.7" not in log.getvalue()
    assert "111122223333" not in log.getvalue()


def test_a_call_to_aws_that_fails_is_tried_again(
    world: World, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    batch = sqs_batch(body(world, "a.jpg", PHOTO))
    monkeypatch.setattr(module.s3, "put_object", denied)
    with pytest.raises(
        BatchProcessingError
    ):  # the whole batch failed: the invocation fails, and counts as an error
        module.handler(batch, Context())


def test_every_outcome_is_logged_and_counted(
    world: World, module: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    log = io.StringIO()
    logs_to(log)
    module.handler(sqs_batch(body(world, "photos/a.jpg", PHOTO), body(world, "b.jpg", BROKEN)), Context())
    logged = {line["message"]: line for line in map(json.loads, log.getvalue().splitlines())}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert logged["Published"]["key"] == "photos/a.jpg"
    assert Reason(logged["Rejected"]["reason"])
    (metrics,) = [line for line in lines if "Published" in line]
    assert (metrics["Published"], metrics["Rejected"]) == ([1.0], [1.0])
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "LambdaPattern"
