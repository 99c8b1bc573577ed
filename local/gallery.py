"""The demo's pictures as one HTML file that opens from disk, with everything in it."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from local.driver import LambdaDriver, Result

TEMPLATE = Path(__file__).with_name("gallery.html")


def write_gallery(driver: LambdaDriver, results: Sequence[Result], page: Path) -> Path:
    """Writes `page` with every rendition and every rejection, and returns it."""
    photos = "\n".join(_made(driver, one) if one.manifest else _rejected(one) for one in results)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(Template(TEMPLATE.read_text()).substitute(photos=photos))
    return page


def _made(driver: LambdaDriver, result: Result) -> str:
    assert result.manifest
    source = result.manifest["source"]
    facts = f"{source['format'].upper()} of {source['width']} x {source['height']}, {source['bytes']:,} bytes"
    figures = "\n".join(_figure(driver, source["key"], one) for one in result.manifest["renditions"])
    return f'<h2>{escape(source["key"])}</h2>\n<p>{escape(facts)}</p>\n<div class="sizes">\n{figures}\n</div>'


def _figure(driver: LambdaDriver, name: str, rendition: dict[str, Any]) -> str:
    data = base64.b64encode(driver.read(rendition["key"]) or b"").decode()
    size = f'width="{rendition["width"]}" height="{rendition["height"]}"'
    caption = f"{rendition['width']} x {rendition['height']}, {rendition['bytes']:,} bytes"
    picture = f'<img src="data:{rendition["media_type"]};base64,{data}" {size} alt="{escape(name)}">'
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _rejected(result: Result) -> str:
    assert result.rejection
    reason, message = escape(result.rejection["reason"]), escape(result.rejection["message"])
    return f'<h2>{escape(result.upload.key)}</h2>\n<p class="rejected">Rejected ({reason}): {message}</p>'
