"""The demo's pictures as a page that opens from disk; scans and videos are in files below its folder."""

import base64
import shutil
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from runtime.imaging.pyramid import describe, paths
from runtime.imaging.transform import Encoding
from runtime.jobs.record import Job
from runtime.results import version_prefix
from tools.commands.viewer import fill, viewer_page
from tools.drivers.deployed import Answer
from tools.drivers.hybrid_pattern import HybridDriver
from tools.drivers.lambda_pattern import LambdaDriver
from tools.drivers.uploads import Result

TREE = "tiles"


def write_gallery(
    driver: LambdaDriver,
    results: Sequence[Result],
    served: Mapping[str, Answer],
    shown: Mapping[str, Path],
    page: Path,
) -> Path:
    """Write every rendition, every rejection and the service's answers to `page`; return `page`.

    shown: pages of scans and videos below the page's folder, by name.
    """
    photos = "\n".join(_made(driver, one) if one.manifest else _rejected(one) for one in results)
    answers = "\n".join(_served(path, answer) for path, answer in served.items())
    scans = "\n".join(_framed(name, found.relative_to(page.parent)) for name, found in shown.items())
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(fill("gallery.html", photos=photos, served=answers, scans=scans))
    return page


def write_tiles(hybrid: HybridDriver, job: Job, folder: Path) -> Path:
    """Fetch a scan's tiles through the distribution into a folder, with a page that zooms."""
    out, prefix = folder / job.job_id, f"/{version_prefix(job.job_id)}"
    made = hybrid.manifest(job)["pyramid"]
    shutil.rmtree(out, ignore_errors=True)
    for path in paths(made["width"], made["height"], Encoding.JPG):
        (out / TREE / path).parent.mkdir(parents=True, exist_ok=True)
        (out / TREE / path).write_bytes(hybrid.get(f"{prefix}{path}").body)
    info = describe(TREE, made["width"], made["height"], Encoding.JPG)
    return write_viewer(TREE, out / "index.html", info=info)


def write_film(hybrid: HybridDriver, job: Job, folder: Path) -> Path:
    """Fetch a video's MP4 and poster into a folder, with a page that plays it."""
    out, made = folder / job.job_id, hybrid.manifest(job)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for what in ("video", "poster"):
        (out / Path(made[what]["key"]).name).write_bytes(hybrid.get(f"/{made[what]['key']}").body)
    files = {what: Path(made[what]["key"]).name for what in ("video", "poster")}
    page = out / "index.html"
    page.write_text(
        f"<!doctype html><title>{escape(job.key)}</title><style>video {{ width: 100%; height: 95vh }}</style>"
        f'<video controls src="{files["video"]}" poster="{files["poster"]}"></video>'
    )
    return page


def write_viewer(address: str, page: Path, *, info: Mapping[str, Any] | None = None) -> Path:
    """Write a deep-zoom viewer for the image at an IIIF address to `page`; return `page`.

    info: its `info.json`, which a page opened from disk cannot fetch.
    """
    page.write_text(viewer_page(address, title=address, info=info))
    return page


def _framed(name: str, page: Path) -> str:
    return f'<h3>{escape(name)}</h3>\n<iframe src="{page.as_posix()}" title="{escape(name)}"></iframe>'


def _served(path: str, answer: Answer) -> str:
    picture = _picture(answer.body, answer.headers.get("content-type", ""), path)
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
