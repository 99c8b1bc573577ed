"""The function's table and bucket in moto, and its handler as Lambda imports it."""

import importlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.support.lambda_context import Context
from tests.support.log_lines import kinesis_event
from tests.support.view_table import create_view_table


@dataclass
class Views:
    """A client that invokes the handler with batches, and reads what was counted and set aside."""

    module: ModuleType
    dynamodb: Any
    s3: Any

    def deliver(self, lines: Sequence[bytes], **where: Any) -> list[str]:
        """Deliver lines as a batch; return the sequence numbers that the handler reports as failed."""
        return self.invoke(kinesis_event(lines, **where))

    def invoke(self, event: dict[str, Any], *, seconds: float = 60) -> list[str]:
        answer = self.module.handler(event, Context(seconds=seconds))
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def counted(self) -> Counter[tuple[str, str]]:
        """Return views by image and minute, of all shards together."""
        views: Counter[tuple[str, str]] = Counter()
        for item in self.items():
            if "views" in item:
                views[item["image"]["S"], item["at"]["S"].split()[0]] += int(item["views"]["N"])
        return views

    def items(self) -> list[dict[str, Any]]:
        return list(self.dynamodb.scan(TableName="views")["Items"])

    def set_aside(self) -> list[dict[str, str]]:
        keys = [one["Key"] for one in self.s3.list_objects_v2(Bucket="aside").get("Contents", [])]
        bodies = [self.s3.get_object(Bucket="aside", Key=key)["Body"].read().decode() for key in keys]
        return [json.loads(line) for body in bodies for line in body.splitlines()]


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> Iterator[Views]:
    for name, value in {
        "TABLE": "views",
        "SET_ASIDE_BUCKET": "aside",
        "POWERTOOLS_SERVICE_NAME": "views",
        "POWERTOOLS_METRICS_NAMESPACE": "StreamPattern",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
        create_view_table(dynamodb, "views")
        s3.create_bucket(Bucket="aside")
        sys.modules.pop("lambda_src.views.handler", None)
        yield Views(module=importlib.import_module("lambda_src.views.handler"), dynamodb=dynamodb, s3=s3)
