"""Many uploads at once, in any order, with invalid files, duplicates and old versions among them."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from runtime.results import pointer_key
from tests.local.conftest import eventually, paused
from tests.support.images import encode, noise
from tools.drivers.lambda_pattern import LambdaDriver

if TYPE_CHECKING:
    from tools.drivers.deployed import Upload


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def receive_all(driver: LambdaDriver, count: int) -> list[dict[str, Any]]:
    """Receive and delete `count` messages; return them."""
    sqs, queue = driver.client("sqs"), driver.outputs["Queue"]
    found: list[dict[str, Any]] = []

    def receive() -> list[Any]:
        asked = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        return list(asked.get("Messages", []))

    while len(found) < count:
        batch = eventually(receive)
        entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(batch)]
        sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
        found += batch
    return found


def send_all(driver: LambdaDriver, bodies: Sequence[str]) -> None:
    sqs, queue = driver.client("sqs"), driver.outputs["Queue"]
    for some in chunks(bodies, 10):
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(some)]
        assert not sqs.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed")


@pytest.mark.parametrize("many", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_of_many_messages_with_poison_duplicates_and_old_versions_none_is_lost(
    driver: LambdaDriver, many: int
) -> None:
    second, poisoned, duplicates = many // 10, 5, many // 20
    chance = random.Random(20261123)
    photos = [encode(noise(60 + number, 40), ".jpg") for number in range(8)]
    poison = set(chance.sample(range(many - second), poisoned))
    uploads: list[Upload] = []
    with paused(driver):
        for number in range(many):
            key = f"history/{many}/{number % (many - second)}.jpg"
            uploads.append(driver.upload(key, b"poison" if number in poison else chance.choice(photos)))
        bodies = [one["Body"] for one in receive_all(driver, many)]
        bodies += chance.sample(bodies, duplicates)
        chance.shuffle(bodies)
        send_all(driver, bodies)

    eventually(lambda: not driver.waiting(driver.outputs["Queue"]))
    report = driver.account(uploads)
    twice = second - sum(number < second for number in poison)
    assert str(report) == (
        f"{many} uploads: {many - poisoned} published ({twice} superseded), "
        f"{poisoned} rejected ({poisoned} not-an-image), 0 dead letters, 0 unaccounted for"
    )
    newest = {one.key: one.job_id for number, one in enumerate(uploads) if number not in poison}
    assert {key: shown(driver, key) for key in newest} == newest


def shown(driver: LambdaDriver, key: str) -> str:
    """Return the job ID in a key's pointer."""
    return str(json.loads(driver.read(pointer_key(key)) or b"{}").get("job_id"))
