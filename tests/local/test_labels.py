"""With `labels=on` a manifest has labels, or the error that prevented them: the photo is published anyway."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.conftest import STACK, Deployment, role_of, without
from tests.support.images import corners, encode
from tools.drivers.lambda_pattern import LambdaDriver
from tools.local_aws.deployment import Cdk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def labelled(deployment: Deployment) -> Iterator[LambdaDriver]:
    cdk = Cdk(aws=deployment.aws, folder=deployment.cdk.folder, context=["labels=on"])
    yield LambdaDriver(client=deployment.aws.client, outputs=cdk.deploy(STACK)[STACK])
    deployment.cdk.deploy(STACK)


def labels_of(driver: LambdaDriver, width: int, height: int, key: str) -> dict[str, Any]:
    result = driver.result(driver.upload(f"labels/{key}.jpg", encode(corners(width, height), ".jpg")))
    assert result.manifest is not None
    assert result.manifest["renditions"]
    return dict(result.manifest["labels"])


@pytest.mark.parametrize(
    ("width", "height", "name"), [(600, 400, "Landscape"), (400, 600, "Portrait"), (500, 500, "Square")]
)
def test_a_photo_is_labelled_by_its_shape(labelled: LambdaDriver, width: int, height: int, name: str) -> None:
    found = labels_of(labelled, width, height, name)
    assert found == {"found": [{"name": name, "confidence": 99.0}]}


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_failure_of_rekognition_is_in_the_manifest_and_the_photo_is_published(
    deployment: Deployment, labelled: LambdaDriver, code: str
) -> None:
    deployment.aws.rekognition.write_text(code)
    try:
        assert labels_of(labelled, 60, 40, code) == {"error": code}
    finally:
        deployment.aws.rekognition.unlink()
    assert "found" in labels_of(labelled, 60, 40, f"after-{code}")


def test_without_permission_to_detect_labels_a_photo_is_published_all_the_same(
    labelled: LambdaDriver,
) -> None:
    role = role_of(labelled.client, labelled.outputs["FunctionName"])
    with without(labelled.client, role, "rekognition:DetectLabels"):
        assert "AccessDenied" in labels_of(labelled, 60, 40, "denied")["error"]
