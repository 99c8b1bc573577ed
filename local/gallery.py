"""The demo's pictures as one HTML file that opens from disk, with everything in it."""

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from local.driver import LambdaDriver, Result
from local.service_driver import Answer

HERE = Path(__file__).parent
OPENSEADRAGON = HERE / "node_modules" / "openseadragon" / "build" / "openseadragon" / "openseadragon.min.js"


def write_gallery(
    driver: LambdaDriver, results: Sequence[Result], served: Mapping[str, Answer], page: Path
) -> Path:
    """Writes `page` with every rendition, every rejection and what the service answered, and returns it."""
    photos = "\n".join(_made(driver, one) if one.manifest else _rejected(one) for one in results)
    answers = "\n".join(_served(path, answer) for path, answer in served.items())
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(_fill("gallery.html", photos=photos, served=answers))
    return page


def write_viewer(address: str, page: Path, *, info: Mapping[str, Any] | None = None) -> Path:
    """Writes a deep-zoom viewer of the image at a IIIF address, and returns it.

    info: its `info.json`, where a page that is opened from disk cannot fetch it.
    """
    page.write_text(
        _fill(
            "viewer.html",
            title=escape(address),
            address=address,
            info=json.dumps(info),
            openseadragon=OPENSEADRAGON.read_text(),
        )
    )
    return page


def _fill(template: str, **values: str) -> str:
    return Template((HERE / template).read_text()).substitute(values)


def _served(path: str, answer: Answer) -> str:
    picture = _picture(answer.body, answer.headers["content-type"], path)
    caption = f"<code>{escape(path)}</code>, {len(answer.body):,} bytes"
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _picture(data: bytes, media_type: str, name: str, size: str = "") -> str:
    encoded = base64.b64encode(data).decode()
    return f'<img src="data:{media_type};base64,{encoded}" {size} alt="{escape(name)}">'


def _made(driver: LambdaDriver, result: Result) -> str:
    assert result.manifest
    source = result.manifest["source"]
    facts = f"{source['format'].upper()} of {source['width']} x {source['height']}, {source['bytes']:,} bytes"
    figures = "\n".join(_figure(driver, source["key"], one) for one in result.manifest["renditions"])
    return f'<h2>{escape(source["key"])}</h2>\n<p>{escape(facts)}</p>\n<div class="sizes">\n{figures}\n</div>'


def _figure(driver: LambdaDriver, name: str, rendition: dict[str, Any]) -> str:
    size = f'width="{rendition["width"]}" height="{rendition["height"]}"'
    caption = f"{rendition['width']} x {rendition['height']}, {rendition['bytes']:,} bytes"
    picture = _picture(driver.read(rendition["key"]) or b"", rendition["media_type"], name, size)
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _rejected(result: Result) -> str:
    assert result.rejection
    reason, message = escape(result.rejection["reason"]), escape(result.rejection["message"])
    return f'<h2>{escape(result.upload.key)}</h2>\n<p class="rejected">Rejected ({reason}): {message}</p>'
