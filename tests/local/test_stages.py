"""Production and a sandbox of the same app, side by side in one account and Region."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import STACK
from tests.support.images import corners, encode
from tools.drivers.lambda_pattern import LambdaDriver
from tools.local_aws.aws import local_aws
from tools.local_aws.deployment import Cdk

PHOTO = encode(corners(600, 400), ".jpg")


@pytest.mark.slow
def test_destroying_the_sandbox_leaves_productions_data_untouched(tmp_path: Path) -> None:
    with local_aws(tmp_path / "log") as aws:
        sandbox = Cdk(aws=aws, folder=tmp_path / "sandbox")
        production = Cdk(aws=aws, folder=tmp_path / "production", context=["stage=production"])
        sandbox.bootstrap()
        ours = LambdaDriver(client=aws.client, outputs=sandbox.deploy(STACK)[STACK])
        theirs = LambdaDriver(client=aws.client, outputs=production.deploy(STACK)[STACK])
        assert not {*ours.outputs.values()} & {*theirs.outputs.values()}

        uploads = {driver.source: driver.upload("a.jpg", PHOTO) for driver in (ours, theirs)}
        for driver in (ours, theirs):
            assert driver.result(uploads[driver.source], timeout=300).manifest
        sandbox.destroy(STACK)

        with pytest.raises(ClientError, match="NoSuchBucket"):
            ours.s3.list_objects_v2(Bucket=ours.source)
        kept = theirs.s3.get_object(Bucket=theirs.source, Key="a.jpg")
        assert kept["Body"].read() == PHOTO
        assert theirs.result(uploads[theirs.source]).manifest
        assert theirs.result(theirs.upload("b.jpg", PHOTO), timeout=300).manifest
