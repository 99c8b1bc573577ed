"""Five hundred uploads at once, with everything in them that happens to uploads."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from contract.output import pointer_key
from local.driver import LambdaDriver, Upload
from tests.images import encode, noise
from tests.local.conftest import eventually, paused

UPLOADS, SECOND_VERSIONS, POISON, DUPLICATES = 500, 50, 5, 25


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def receive_all(driver: LambdaDriver, count: int) -> list[dict[str, Any]]:
    """Takes that many messages out of the queue."""
    sqs, queue = driver.client("sqs"), driver.outputs["Queue"]
    found: list[dict[str, Any]] = []
    while len(found) < count:
        batch = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
        entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(batch)]
        sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
        found += batch
    return found


def send_all(driver: LambdaDriver, bodies: Sequence[str]) -> None:
    sqs, queue = driver.client("sqs"), driver.outputs["Queue"]
    for some in chunks(bodies, 10):
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(some)]
        assert not sqs.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed")


def test_of_five_hundred_uploads_with_poison_duplicates_and_old_versions_none_is_lost(
    driver: LambdaDriver,
) -> None:
    chance = random.Random(20261123)
    photos = [encode(noise(60 + number, 40), ".jpg") for number in range(8)]
    poison = set(chance.sample(range(UPLOADS - SECOND_VERSIONS), POISON))
    uploads: list[Upload] = []
    with paused(driver):
        for number in range(UPLOADS):
            key = f"history/{number % (UPLOADS - SECOND_VERSIONS)}.jpg"
            uploads.append(driver.upload(key, b"poison" if number in poison else chance.choice(photos)))
        bodies = [one["Body"] for one in receive_all(driver, UPLOADS)]
        bodies += chance.sample(bodies, DUPLICATES)
        chance.shuffle(bodies)
        send_all(driver, bodies)

    eventually(lambda: not driver.waiting(driver.outputs["Queue"]), seconds=180)
    report = driver.account(uploads)
    twice = SECOND_VERSIONS - sum(number < SECOND_VERSIONS for number in poison)
    assert str(report) == (
        f"{UPLOADS} uploads: {UPLOADS - POISON} published ({twice} superseded), "
        f"{POISON} rejected ({POISON} not-an-image), 0 dead letters, 0 unaccounted for"
    )
    newest = {one.key: one.job_id for number, one in enumerate(uploads) if number not in poison}
    assert {key: shown(driver, key) for key in newest} == newest


def shown(driver: LambdaDriver, key: str) -> str:
    """The job that a key's pointer is at."""
    return str(json.loads(driver.read(pointer_key(key)) or b"{}").get("job_id"))
