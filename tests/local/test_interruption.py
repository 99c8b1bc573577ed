"""The local AWS stops in the middle of the work, and starts again."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.results import manifest_key
from tests.local.conftest import MANY_RECEIVES, STACK, eventually, redeliver_soon
from tests.support.images import encode, noise
from tools.drivers.lambda_pattern import LambdaDriver
from tools.local_aws.aws import local_aws
from tools.local_aws.deployment import Cdk

if TYPE_CHECKING:
    from tools.drivers.deployed import Upload

PHOTO = encode(noise(1500, 1000), ".jpg")


@pytest.mark.slow
def test_work_in_progress_when_the_local_aws_stops_is_done_after_its_restart(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with local_aws(tmp_path / "log", kept=kept) as aws:
        cdk = Cdk(aws=aws, folder=tmp_path)
        cdk.bootstrap()
        driver = LambdaDriver(client=aws.client, outputs=cdk.deploy(STACK)[STACK])
        queue = driver.outputs["Queue"]
        # Messages that are in flight at the stop reappear after this time; one photo takes far less.
        redeliver_soon(aws.client("sqs"), queue, seconds=20, receives=MANY_RECEIVES)
        uploads: list[Upload] = []

        def is_under_way() -> bool:
            uploads.append(driver.upload(f"{len(uploads)}.jpg", PHOTO))
            return driver.waiting(queue) > 0 and driver.read(manifest_key(uploads[0].job_id)) is not None

        eventually(is_under_way)
    with local_aws(tmp_path / "log-afterwards", kept=kept, port=int(aws.url.rpartition(":")[2])):
        eventually(lambda: not driver.waiting(queue))
        report = driver.account(uploads)
    assert (report.published, report.superseded, report.dead) == (len(uploads), 0, 0)
