"""The IIIF function, in which an image of 13 px width is never done."""

import threading
from typing import Any

from container.service import answers, app
from lambda_src.iiif.handler import handler


def _never_done(most: int, image: Any, encoding: Any) -> bytes:
    if image.width == 13:
        threading.Event().wait()
    return answers.encoded_within(most, image, encoding)


setattr(app, "encoded_within", _never_done)  # noqa: B010 - it is imported there, and not exported
__all__ = ["handler"]
