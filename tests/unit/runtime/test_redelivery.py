"""A failed message is redelivered after ever longer pauses; after its last try, it is not hidden at all."""

from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.stub import Stubber
from moto import mock_aws

from runtime import redelivery
from runtime.pauses import PAUSES
from stacks.constructs.event_queue import MAX_RECEIVES
from tests.support.events import sqs_batch

URL = "https://sqs.us-east-1.amazonaws.com/000000000000/queue"


def record(receives: int, handle: str = "handle") -> SQSRecord:
    (one,) = sqs_batch("{}")["Records"]
    attributes = {"ApproximateReceiveCount": str(receives)}
    return SQSRecord({**one, "receiptHandle": handle, "attributes": attributes})


@pytest.mark.parametrize(("receives", "seconds"), [(1, 30), (2, 120), (3, 360), (4, 720), (5, 0), (9, 0)])
def test_a_failed_message_comes_again_later_each_time_and_at_once_after_the_last_try(
    receives: int, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = boto3.client("sqs")
    monkeypatch.setattr(redelivery, "_sqs", lambda: sqs)
    monkeypatch.setattr(redelivery, "_url", lambda _arn: URL)
    with Stubber(sqs) as stub:
        asked = {"QueueUrl": URL, "ReceiptHandle": "handle", "VisibilityTimeout": seconds}
        stub.add_response("change_message_visibility", {}, asked)
        assert redelivery.come_again(record(receives)) == seconds
        stub.assert_no_pending_responses()


def test_five_receives_outlast_twenty_minutes() -> None:
    assert len(PAUSES) == MAX_RECEIVES - 1
    assert sum(PAUSES) > 20 * 60


def test_a_message_of_the_queue_is_hidden_by_its_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    with mock_aws():
        sqs: Any = boto3.client("sqs")
        monkeypatch.setattr(redelivery, "_sqs", lambda: sqs)
        redelivery._url.cache_clear()
        url = sqs.create_queue(QueueName="queue", Attributes={"VisibilityTimeout": "720"})["QueueUrl"]
        account = boto3.client("sts").get_caller_identity()["Account"]
        sqs.send_message(QueueUrl=url, MessageBody="{}")
        (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
        failed = record(5, received["ReceiptHandle"])
        failed._data["eventSourceARN"] = f"arn:aws:sqs:us-east-1:{account}:queue"
        redelivery.come_again(failed)  # after the fifth, at once
        assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
        redelivery._url.cache_clear()
