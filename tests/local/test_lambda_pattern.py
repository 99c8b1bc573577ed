"""LambdaPattern as deployed: the real template, IAM checks, the function's own code, photos and poison."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runtime.results import pointer_key
from tests.local.conftest import STACK, Deployment, as_user, count, eventually, lacking, logged, paused
from tests.support.events import s3_event
from tests.support.images import corners, decode, encode
from tools.drivers.deployed import Upload
from tools.drivers.lambda_pattern import LambdaDriver

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
PHOTO = encode(corners(600, 400), ".jpg")


def pointer(driver: LambdaDriver, key: str) -> dict[str, Any]:
    return dict(json.loads(driver.read(pointer_key(key)) or b"{}"))


def send_again(driver: LambdaDriver, upload: Upload, *, sequencer: str) -> None:
    """Send the message of an upload again, as SQS may."""
    event = s3_event(
        upload.key, bucket=driver.source, version_id=upload.version_id, size=upload.bytes, sequencer=sequencer
    )
    driver.client("sqs").send_message(QueueUrl=driver.outputs["Queue"], MessageBody=json.dumps(event))


def test_real_photos_become_renditions_that_open(driver: LambdaDriver) -> None:
    for path in sorted(SAMPLES.glob("*.jpg")):
        result = driver.result(driver.upload(f"photos/{path.name}", path.read_bytes()))
        assert result.manifest is not None
        for one in result.manifest["renditions"]:
            image = decode(driver.read(one["key"]) or b"")
            assert (image.width, image.height) == (one["width"], one["height"])
        assert max(one["width"] for one in result.manifest["renditions"]) == min(
            result.manifest["source"]["width"], 1600
        )


def test_a_key_with_plus_space_and_accents_is_found_again(driver: LambdaDriver) -> None:
    key = "photos/a+b %2B été.jpg"
    result = driver.result(driver.upload(key, PHOTO))
    assert result.manifest is not None
    assert eventually(lambda: pointer(driver, key))["source"]["key"] == key


def test_poison_is_rejected_with_its_reason_and_does_not_come_again(driver: LambdaDriver) -> None:
    result = driver.result(driver.upload("photos/notes.jpg", b"no photo"))
    assert result.rejection is not None
    assert result.rejection["reason"] == "not-an-image"
    eventually(lambda: not driver.waiting(driver.outputs["Queue"]))


def test_a_heic_upload_says_how_to_convert_it(driver: LambdaDriver) -> None:
    result = driver.result(driver.upload("IMG_1.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)))
    assert result.rejection is not None
    assert "heif-convert" in result.rejection["message"]


def test_of_ten_uploads_with_one_bad_nine_have_a_manifest_and_one_a_rejection(driver: LambdaDriver) -> None:
    with paused(driver):
        uploads = [
            driver.upload(f"ten/{number}.jpg", PHOTO if number != 4 else b"bad") for number in range(10)
        ]
        eventually(lambda: count(driver.client("sqs"), driver.outputs["Queue"]) == 10)
    results = [driver.result(upload) for upload in uploads]
    assert [bool(one.rejection) for one in results] == [number == 4 for number in range(10)]
    eventually(lambda: not driver.waiting(driver.outputs["Queue"]))

    def each_by_itself() -> bool:
        """Return whether all ten were logged, each by itself: MiniStack makes a log stream per invocation."""
        found: dict[str, set[str]] = {}
        for one in logged(driver, "ten/"):  # on a busy machine, a failed message is logged again
            found.setdefault(one["logStreamName"], set()).update(re.findall(r"ten/\d", one["message"]))
        return all(len(keys) == 1 for keys in found.values()) and len(set().union(*found.values())) == 10

    eventually(each_by_itself)


def test_a_duplicate_and_an_old_version_change_nothing(driver: LambdaDriver) -> None:
    old = driver.upload("twice.jpg", encode(corners(100, 80), ".jpg"))
    driver.result(old)
    new = driver.upload("twice.jpg", encode(corners(200, 80), ".jpg"))
    driver.result(new)
    before = eventually(lambda: (one := pointer(driver, "twice.jpg"))["job_id"] == new.job_id and one)
    send_again(driver, old, sequencer="0")
    send_again(driver, new, sequencer=before["sequencer"])
    eventually(lambda: len(logged(driver, "twice.jpg")) == 4)
    assert pointer(driver, "twice.jpg") == before


def test_a_deletion_takes_the_picture_away(driver: LambdaDriver) -> None:
    upload = driver.upload("gone.jpg", PHOTO)
    result = driver.result(upload)
    assert result.manifest is not None
    eventually(lambda: pointer(driver, "gone.jpg"))
    driver.s3.delete_object(Bucket=driver.source, Key="gone.jpg")
    eventually(lambda: pointer(driver, "gone.jpg").get("state") == "deleted")
    eventually(lambda: driver.read(result.manifest["renditions"][0]["key"]) is None)  # type: ignore[index]


def test_the_function_writes_its_log_where_the_template_says(driver: LambdaDriver) -> None:
    driver.result(driver.upload("logged.jpg", PHOTO))
    (event,) = eventually(lambda: logged(driver, "logged.jpg"))
    assert json.loads(event["message"])["message"] == "Published"


def test_without_the_right_to_write_every_upload_ends_in_the_dead_letter_queue(driver: LambdaDriver) -> None:
    sqs, dead_letters = driver.client("sqs"), driver.outputs["DeadLetters"]
    with lacking(driver, "s3:PutObject", receives=5):
        uploads = [driver.upload(f"denied/{number}.jpg", PHOTO) for number in range(3)]
        uploads.append(driver.upload("denied/poison.jpg", b"poison"))
        eventually(lambda: count(sqs, dead_letters) == len(uploads))
        # Inside the block: on a busy machine, an attempt may still be under way when the permission returns.
        assert all(driver.read(pointer_key(one.key)) is None for one in uploads)
    found = {}
    for _ in uploads:
        (message,) = sqs.receive_message(QueueUrl=dead_letters, WaitTimeSeconds=1)["Messages"]
        described = json.loads(message["Body"])["detail"]["object"]
        found[described["key"]] = described["version-id"]
        sqs.delete_message(QueueUrl=dead_letters, ReceiptHandle=message["ReceiptHandle"])
    assert found == {one.key: one.version_id for one in uploads}


def test_a_plain_http_request_is_refused_by_both_buckets(
    driver: LambdaDriver, deployment: Deployment
) -> None:
    def plain(request: Any, **_: Any) -> None:
        request.headers["x-forwarded-proto"] = "http"

    user = as_user(deployment.aws, "s3", "s3:*", "*")
    for bucket in (driver.source, driver.output):
        user.list_objects_v2(Bucket=bucket)
    user.meta.events.register("before-send.s3", plain)
    for bucket in (driver.source, driver.output):
        with pytest.raises(ClientError, match="AccessDenied"):
            user.list_objects_v2(Bucket=bucket)


def test_deploying_again_changes_nothing(deployment: Deployment, driver: LambdaDriver) -> None:
    assert deployment.cdk.deploy(STACK)[STACK] == driver.outputs
    assert "(no changes)" in (deployment.cdk.folder / "cdk.log").read_text()
