"""The cloud goes away in the middle of the work, and comes back."""

from pathlib import Path

from contract.output import manifest_key
from local.aws import local_aws
from local.deployment import Cdk
from local.driver import LambdaDriver
from tests.images import encode, noise
from tests.local.conftest import STACK, eventually

UPLOADS = 16
PHOTO = encode(noise(1500, 1000), ".jpg")


def test_what_was_under_way_when_everything_stopped_is_done_afterwards(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with local_aws(tmp_path / "log", kept=kept) as aws:
        cdk = Cdk(aws=aws, folder=tmp_path)
        cdk.bootstrap()
        driver = LambdaDriver(client=aws.client, outputs=cdk.deploy(STACK)[STACK])
        queue = driver.outputs["Queue"]
        aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "5"})
        uploads = [driver.upload(f"{number}.jpg", PHOTO) for number in range(UPLOADS)]
        eventually(lambda: any(driver.read(manifest_key(one.job_id)) for one in uploads))
        assert driver.waiting(queue) > 0
    with local_aws(tmp_path / "log-afterwards", kept=kept, port=int(aws.url.rpartition(":")[2])):
        report = driver.account(uploads, timeout=120)
        eventually(lambda: not driver.waiting(queue))
    assert (report.published, report.superseded, report.dead) == (UPLOADS, 0, 0)
