"""Self-contained pages that show images, such as a deep-zoom viewer."""

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
    """Fill one of the templates beside this file."""
    return Template((HERE / template).read_text()).substitute(parts)


def viewer_page(address: str, *, title: str, info: Mapping[str, Any] | None = None) -> str:
    """Return a viewer for the image at an IIIF address.

    info: its `info.json`, which a page opened from disk cannot fetch.
    """
    return fill(
        "viewer.html",
        title=escape(title),
        address=address,
        info=json.dumps(info),
        openseadragon=OPENSEADRAGON.read_text(),
    )
