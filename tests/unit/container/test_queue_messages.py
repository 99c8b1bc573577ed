"""Handling of one queue message, with a toy kind of work and moto's buckets."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from container.queue_worker import run
from container.queue_worker.environment import QueueWorkerEnvironment
from container.queue_worker.handle import Ending, Handler
from container.queue_worker.metrics import Metric
from runtime.exits import DONE, REJECTED
from runtime.placement.one_size import TaskSize
from runtime.rejection import Reason
from runtime.results import Output, manifest_key, pointer_key, rejection_key
from runtime.work.works import Works
from tests.support.events import s3_event
from tests.support.lines import Lines

SIZE = TaskSize(vcpus=1, memory_mb=4096, disk_gib=20, seconds=3600)


@pytest.fixture
def bucket() -> Iterator[Any]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        for name in ("source", "output"):
            s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
        yield s3


@dataclass
class Uploads:
    """Texts in a bucket, and the service's handler with the toy kind of work."""

    s3: Any
    size: TaskSize = SIZE
    sent: int = 0

    def put(self, key: str, data: bytes = b"one\ntwo\n") -> dict[str, Any]:
        """Upload a text; return the event."""
        version = self.s3.put_object(Bucket="source", Key=key, Body=data)["VersionId"]
        self.sent += 1
        return s3_event(key=key, version_id=version, size=len(data), sequencer=f"{self.sent:016X}")

    def handle(self, event: Mapping[str, Any]) -> Ending:
        output = Output(s3=self.s3, bucket="output")
        works = Works(s3=self.s3, output=output, url="https://tiles", kinds=[Lines()])
        return Handler(works=works, size=self.size).run(json.dumps(event))

    def read(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket="output", Key=key)["Body"].read())

    def stored(self) -> set[str]:
        return {one["Key"] for one in self.s3.list_objects_v2(Bucket="output").get("Contents", [])}


def test_an_upload_is_published_once_however_often_its_message_comes(bucket: Any) -> None:
    uploads = Uploads(bucket)
    event = uploads.put("a.txt")
    ending = uploads.handle(event)
    job = ending.facts["job_id"]
    assert (ending.exit, ending.metric) == (DONE, Metric.DONE)
    assert uploads.read(manifest_key(job))["lines"] == 2
    before = {key: bucket.head_object(Bucket="output", Key=key)["LastModified"] for key in uploads.stored()}
    assert uploads.handle(event).exit == DONE
    assert before == {
        key: bucket.head_object(Bucket="output", Key=key)["LastModified"] for key in uploads.stored()
    }


def test_an_upload_that_cannot_be_processed_is_rejected_with_its_reason(bucket: Any) -> None:
    uploads = Uploads(bucket)
    ending = uploads.handle(uploads.put("a.txt", b"a\0b"))
    assert (ending.exit, ending.metric) == (REJECTED, Metric.REJECTED)
    assert uploads.read(rejection_key(ending.facts["job_id"]))["reason"] == Reason.UNSUPPORTED_FORMAT


def test_an_upload_that_needs_a_larger_task_is_rejected_before_it_is_downloaded(bucket: Any) -> None:
    uploads = Uploads(bucket, size=TaskSize(vcpus=1, memory_mb=200, disk_gib=20, seconds=3600))
    ending = uploads.handle(uploads.put("a.txt"))
    found = uploads.read(rejection_key(ending.facts["job_id"]))
    assert (ending.exit, found["reason"]) == (REJECTED, Reason.TOO_MUCH_WORK)
    assert found["message"] == (
        "A text of 8 bytes needs 250 MB of memory, and a task has 200. Upload a smaller one."
    )


def test_a_deletion_removes_the_result_and_a_late_upload_event_does_not_restore_it(bucket: Any) -> None:
    uploads = Uploads(bucket)
    older, newer = uploads.put("a.txt", b"old\n"), uploads.put("a.txt", b"new\n")
    job = uploads.handle(newer).facts["job_id"]
    assert uploads.handle(older).metric is Metric.SUPERSEDED
    assert uploads.read(pointer_key("a.txt"))["job_id"] == job
    marker = bucket.delete_object(Bucket="source", Key="a.txt")["VersionId"]
    deleted = s3_event(
        key="a.txt", version_id=marker, sequencer="F" * 16, deletion_type="Delete Marker Created"
    )
    assert uploads.handle(deleted).metric is Metric.DELETED
    assert uploads.handle(newer).metric is Metric.SUPERSEDED
    assert {key for key in uploads.stored() if key.startswith("v/")} == set()


def test_a_folder_is_ignored(bucket: Any) -> None:
    assert Uploads(bucket).handle(s3_event(key="a/", version_id="v", size=0)).metric is Metric.IGNORED


def test_cloudfront_is_asked_once_to_invalidate_a_removed_result(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = QueueWorkerEnvironment(
        queue_url="https://queue",
        hidden_seconds=300,
        output_bucket="output",
        tiles_url="https://tiles",
        distribution="D",
        metrics_namespace="test",
        vcpus=1,
        memory_mb=4096,
        disk_gib=20,
        job_seconds=3600,
    )
    asked: list[tuple[str, str]] = []
    for name, value in {**told.as_variables(), "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(run, "task_s3", lambda *_, **__: None)  # moto answers only boto3's clients
    monkeypatch.setattr(run, "_invalidate", lambda _, distribution, job: asked.append((distribution, job)))
    consumer, event = run._consumer([Lines()], threading.Event()), Uploads(bucket).put("a.txt")
    job = consumer.handle(json.dumps(event)).facts["job_id"]
    assert asked == []
    bucket.delete_object(Bucket="source", Key="a.txt")
    hidden = s3_event("a.txt", version_id="m", sequencer="F" * 16, deletion_type="Delete Marker Created")
    assert consumer.handle(json.dumps(hidden)).metric is Metric.DELETED
    assert asked == [("D", job)]
