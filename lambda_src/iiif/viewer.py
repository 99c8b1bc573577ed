"""Translates the requests that CloudFront sends to a function URL into the application's form."""

import base64
from typing import Any
from urllib.parse import unquote

from mangum.handlers import HTTPGateway
from mangum.types import Scope

PREFIX = "/i/"
"""Prefix of a path that holds the viewer's own path in base64url, since origin access control has signed some
encoded paths wrongly (https://github.com/aws-samples/image-optimization/issues/44).
"""


class Viewer(HTTPGateway):
    """Mangum's handler with the path as the viewer wrote it: `%2F` and `/` differ within an identifier."""

    @property
    def scope(self) -> Scope:
        """The ASGI scope with `raw_path`, which Mangum leaves out."""
        raw_path = viewers_path(self.event["rawPath"])
        found: Any = super().scope
        return {**found, "raw_path": raw_path.encode("ascii", "replace"), "path": unquote(raw_path)}


def viewers_path(path: str) -> str:
    """Decode a path that the CloudFront function has encoded; return any other path unchanged."""
    if not path.startswith(PREFIX):
        return path
    written = path.removeprefix(PREFIX)
    try:
        return base64.b64decode(written + "=" * (-len(written) % 4), b"-_", validate=True).decode("ascii")
    except ValueError:  # not base64url of ASCII; b64decode raises it for a path that is not ASCII itself
        return path
