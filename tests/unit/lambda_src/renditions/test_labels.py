"""Labels: the request to Amazon Rekognition; a photo is published even if that fails."""

from typing import Any

import pytest
from botocore.stub import Stubber

from lambda_src.renditions.labels import labeller
from tests.support.images import corners, encode
from tests.unit.conftest import World

PHOTO = encode(corners(600, 400), ".jpg")


@pytest.fixture
def rekognition() -> Any:
    import boto3

    return boto3.client("rekognition")


def test_labels_come_from_the_rendition_as_jpeg(rekognition: Any) -> None:
    webp = encode(corners(), ".webp")
    sent: list[bytes] = []
    with Stubber(rekognition) as stub:
        stub.add_response("detect_labels", {"Labels": [{"Name": "Rocket", "Confidence": 99.5}]})
        rekognition.meta.events.register(
            "provide-client-params.rekognition.DetectLabels",
            lambda params, **_: sent.append(params["Image"]["Bytes"]),
        )
        labels = labeller(rekognition)(webp)
    assert labels == {"found": [{"name": "Rocket", "confidence": 99.5}]}
    assert sent[0].startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("code", ["ThrottlingException", "ImageTooLargeException", "AccessDeniedException"])
def test_a_failure_of_rekognition_is_in_the_manifest_and_does_not_fail_the_upload(
    world: World, rekognition: Any, code: str
) -> None:
    with Stubber(rekognition) as stub:
        stub.add_client_error("detect_labels", code, "no luck")
        object.__setattr__(world.job.work, "labels", labeller(rekognition))
        event = world.upload("a.jpg", PHOTO)
        (outcome,) = world.run(event)
    assert outcome.metric == "Published"
    assert world.read(f"v/{event.job_id}/manifest.json")["labels"] == {"error": code}
