"""With `views=on`, views of images and tiles are counted; the counts survive `views=off`."""

import json
from urllib.parse import urlsplit

import pytest

from tests.local.conftest import Deployment, eventually
from tests.support.images import corners, encode
from tools.drivers.fargate_pattern import ServiceDriver
from tools.drivers.hybrid_pattern import HybridDriver
from tools.drivers.stream_pattern import StreamDriver
from tools.local_aws.deployment import Cdk


@pytest.mark.slow
def test_views_are_counted_while_they_are_on_and_kept_while_they_are_off(
    deployment: Deployment, service: ServiceDriver, hybrid: HybridDriver, stream: StreamDriver
) -> None:
    service.upload("seen é.jpg", encode(corners(600, 400), ".jpg"))
    job = hybrid.wait(hybrid.upload("seen.tif", encode(corners(1600, 900), ".tif")))
    image, tiles = "iiif/seen é.jpg", f"v/{job.job_id}"
    (whole,) = (key for key in stored(hybrid, tiles) if "/full/" in key and "/full/max/" not in key)

    def look() -> None:
        described = service.describe("seen é.jpg")
        assert described.status == 200
        versioned = urlsplit(json.loads(described.body)["id"]).path  # what a viewer asks for
        assert "@" in versioned
        assert service.get(f"{versioned}/full/!300,300/0/default.webp").status == 200
        assert service.get(f"{service.image('seen é.jpg')}/0,0,100,100/max/0/default.webp").status == 200
        assert hybrid.get(f"/{whole}").status == 200

    def counted() -> tuple[int, int]:
        views = stream.views()
        return views[image], views[tiles]

    def wait_for(times: int) -> None:
        """Wait until image and tiles are each counted `times` times; CloudFront logs after it answers."""
        eventually(lambda: min(counted()) >= times)

    look()
    for views, expected in (("on", 1), ("off", 1), ("on", 2)):
        cdk = Cdk(aws=deployment.aws, folder=deployment.cdk.folder, context=[f"views={views}"])
        cdk.deploy("Network", "StreamPattern", "FargatePattern", "HybridPattern")
        service.wait_until_steady()
        look()
        wait_for(expected)
        eventually(lambda: stream.behind() == 0)
        assert counted() == (expected, expected)


def stored(hybrid: HybridDriver, prefix: str) -> list[str]:
    pages = hybrid.s3.get_paginator("list_objects_v2").paginate(Bucket=hybrid.output, Prefix=f"{prefix}/")
    return [one["Key"] for page in pages for one in page["Contents"]]
