"""Two buckets in moto, source and output, and an upload processor with the function's own S3 client."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.server import ThreadedMotoServer

from lambda_src.renditions.photos import Photos
from lambda_src.renditions.upload import UploadProcessor
from runtime.events import ObjectEvent, parse_event
from runtime.imaging.limits import Limits
from runtime.results import Output
from runtime.slim_s3 import S3
from runtime.sqs_batch import Outcome
from tests.support.events import s3_event


@dataclass
class World:
    """An account in which a test uploads and deletes as users do, and delivers events as it likes."""

    s3: Any
    job: UploadProcessor
    clock: Iterator[int] = field(default_factory=lambda: iter(range(16, 1_000_000)))

    def upload(self, key: str, data: bytes) -> ObjectEvent:
        version = self.s3.put_object(Bucket="source", Key=key, Body=data)["VersionId"]
        return self.event(key, version_id=version, size=len(data))

    def hide(self, key: str) -> ObjectEvent:
        marker = self.s3.delete_object(Bucket="source", Key=key)["VersionId"]
        return self.event(key, version_id=marker, deletion_type="Delete Marker Created")

    def remove(self, created: ObjectEvent) -> ObjectEvent:
        self.s3.delete_object(Bucket="source", Key=created.key, VersionId=created.version_id)
        return self.event(created.key, version_id=created.version_id, deletion_type="Permanently Deleted")

    def event(self, key: str, **named: Any) -> ObjectEvent:
        return parse_event(s3_event(key, sequencer=f"{next(self.clock):016X}", **named))

    def run(self, *events: ObjectEvent) -> list[Outcome]:
        return [self.job.run(event) for event in events]

    def everything(self) -> dict[str, bytes]:
        """Return all objects of the output bucket."""
        return {key: self.s3.get_object(Bucket="output", Key=key)["Body"].read() for key in self.keys()}

    def keys(self, prefix: str = "") -> list[str]:
        return [
            item["Key"]
            for item in self.s3.list_objects_v2(Bucket="output", Prefix=prefix).get("Contents", [])
        ]

    def read(self, key: str) -> dict[str, Any]:
        return dict(json.loads(self.s3.get_object(Bucket="output", Key=key)["Body"].read()))


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Yield the URL of moto over HTTP, with the same buckets that boto3 sees in this process."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def world(endpoint: str) -> Iterator[World]:
    with mock_aws():
        s3 = boto3.client("s3")
        for bucket in ("source", "output"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
        slim = S3(environment={**os.environ, "AWS_ENDPOINT_URL": endpoint})
        job = UploadProcessor(
            s3=slim,
            output=Output(s3=slim, bucket="output"),
            work=Photos(limits=Limits(max_pixels=1_000_000, max_bytes=500_000)),
        )
        yield World(s3=s3, job=job)


def failing(code: str) -> Callable[..., Any]:
    """Return a stand-in for a call to AWS, which fails with this error code."""

    def call(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "Call")

    return call
