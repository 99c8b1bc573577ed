"""A request as CloudFront hands it to a function URL, and as the application wants it."""

import base64
import binascii
from typing import Any
from urllib.parse import unquote

from mangum.handlers import HTTPGateway
from mangum.types import Scope

PREFIX = "/i/"
"""Before the viewer's own path, in base64url: origin access control has signed some encoded paths wrongly
(https://github.com/aws-samples/image-optimization/issues/44)."""


class Viewer(HTTPGateway):
    """Of Mangum's, with the path as the viewer wrote it: in an identifier `%2F` and `/` are not the same."""

    @property
    def scope(self) -> Scope:
        """With `raw_path`, which Mangum leaves out."""
        raw_path = viewers_path(self.event["rawPath"])
        found: Any = super().scope
        return {**found, "raw_path": raw_path.encode("ascii", "replace"), "path": unquote(raw_path)}


def viewers_path(path: str) -> str:
    """Return what CloudFront's function has written into a path; any other path as it is."""
    if not path.startswith(PREFIX):
        return path
    written = path.removeprefix(PREFIX)
    try:
        return base64.b64decode(written + "=" * (-len(written) % 4), b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return path
