"""Pages that show images: a deep-zoom viewer of one, everything in it."""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).parent
OPENSEADRAGON = (
    HERE.parent
    / "local_aws"
    / "node_modules"
    / "openseadragon"
    / "build"
    / "openseadragon"
    / "openseadragon.min.js"
)


def fill(template: str, **parts: str) -> str:
    """One of the templates beside this file."""
    return Template((HERE / template).read_text()).substitute(parts)


def viewer_page(address: str, *, title: str, info: Mapping[str, Any] | None = None) -> str:
    """Return a viewer of the image at a IIIF address.

    info: its `info.json`, where a page that is opened from disk cannot fetch it.
    """
    return fill(
        "viewer.html",
        title=escape(title),
        address=address,
        info=json.dumps(info),
        openseadragon=OPENSEADRAGON.read_text(),
    )
