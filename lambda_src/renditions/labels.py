"""Amazon Rekognition labels, where `labels=on`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runtime.imaging.renditions import as_jpeg

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient

MAX_IMAGE_BYTES = 5 * 1024 * 1024
"""Limit of Image.Bytes in DetectLabels: https://docs.aws.amazon.com/rekognition/latest/dg/limits.html"""
MAX_LABELS = 20
MIN_CONFIDENCE = 70.0


def rekognition() -> "RekognitionClient":
    """Return botocore's client. Its modules double the cold start and are imported only if labels are on."""
    from botocore.config import Config
    from botocore.session import get_session

    impatient = Config(
        connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
    )
    client: RekognitionClient = get_session().create_client("rekognition", config=impatient)  # type: ignore[assignment]
    return client


def labeller(rekognition: "RekognitionClient") -> Callable[[bytes], dict[str, Any]]:
    """Return a function that takes a WebP rendition and returns the manifest's entry "labels".

    Labels are optional: a failure is recorded in the entry and never fails the upload.
    """

    def labels(webp: bytes) -> dict[str, Any]:
        jpeg = as_jpeg(webp)
        if len(jpeg) > MAX_IMAGE_BYTES:
            return {"error": f"{len(jpeg):,} bytes as JPEG; Rekognition takes at most {MAX_IMAGE_BYTES:,}."}
        try:
            found = rekognition.detect_labels(
                Image={"Bytes": jpeg}, MaxLabels=MAX_LABELS, MinConfidence=MIN_CONFIDENCE
            )
        except ClientError as error:
            return {"error": error.response["Error"]["Code"]}  # the message names the role and the account
        except BotoCoreError as error:
            return {"error": type(error).__name__}
        return {"found": [{"name": one["Name"], "confidence": one["Confidence"]} for one in found["Labels"]]}

    return labels
