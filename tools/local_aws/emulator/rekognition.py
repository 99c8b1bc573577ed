"""A stand-in for Amazon Rekognition's DetectLabels, which MiniStack lacks.

It looks only at a picture's header. If a test writes an error code, such as ThrottlingException, to the file
that LOCAL_AWS_REKOGNITION names, every call fails with that code.

https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.responses import error_response_json, json_response

MAX_BYTES = 5 * 1024 * 1024
"""https://docs.aws.amazon.com/rekognition/latest/dg/limits.html"""
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG's frame, which contains its height and width."""
CONFIDENCE = 99.0


def label_pictures() -> None:
    """Route, authorize and answer DetectLabels like calls to MiniStack's own services."""
    router.SERVICE_PATTERNS["rekognition"] = {"target_prefixes": ["RekognitionService"]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE["rekognition"] = "rekognition"
    app.SERVICE_HANDLERS["rekognition"] = _answer


async def _answer(_method: str, _path: str, headers: dict[str, str], body: bytes, *_: Any) -> Any:
    return _labels(headers, body)


def _labels(headers: dict[str, str], body: bytes) -> Any:
    if headers.get("x-amz-target", "") != "RekognitionService.DetectLabels":
        return error_response_json("UnknownOperationException", "Only DetectLabels is implemented here.", 400)
    ordered = Path(os.environ["LOCAL_AWS_REKOGNITION"])
    if ordered.is_file():
        return error_response_json(ordered.read_text(), "As the test wants it.", 400)
    asked = json.loads(body)
    picture = base64.b64decode(asked["Image"]["Bytes"])
    if len(picture) > MAX_BYTES:
        return error_response_json("ImageTooLargeException", "Request has image size above the limit", 400)
    size = _size(picture)
    if size is None:
        return error_response_json("InvalidImageFormatException", "Request has invalid image format", 400)
    width, height = size
    name = "Landscape" if width > height else "Portrait" if width < height else "Square"
    found = [{"Name": name, "Confidence": CONFIDENCE}] if asked.get("MinConfidence", 55) <= CONFIDENCE else []
    return json_response({"Labels": found[: asked.get("MaxLabels", 1000)], "LabelModelVersion": "3.0"})


def _size(jpeg: bytes) -> tuple[int, int] | None:
    """Return width and height; None if this is not a JPEG, or has no frame header."""
    if not jpeg.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(jpeg) and jpeg[at] == 0xFF:
        if jpeg[at + 1] in FRAMES:
            return int.from_bytes(jpeg[at + 7 : at + 9]), int.from_bytes(jpeg[at + 5 : at + 7])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return None
