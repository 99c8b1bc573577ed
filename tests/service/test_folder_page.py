"""`dev.py service` at `/`: thumbnails of the folder, each opening in the zooming viewer."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from html import unescape
from pathlib import Path

import httpx
import pytest

from container.service.app import Service
from container.service.settings import Settings
from container.service.stores import Folder
from tests.support.images import corners, encode
from tools.commands import folder as pages
from tools.commands.folder import FolderService
from tools.commands.service import images

NAMES = ("plain.jpg", "two words.png", "below/deeper/scan.tif", '100 % & <b>"quoted"?#.webp')


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encode(corners(60, 40), Path(name).suffix))
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def asked(kind: type[Service], folder: Path, ask: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    settings = Settings(source_folder=str(folder), workers=1)
    service = kind(settings, Folder(path=folder, limits=settings.limits))

    async def run() -> None:
        transport = httpx.ASGITransport(app=service.application())
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            await ask(client)

    asyncio.run(run())


def test_each_image_has_a_thumbnail_that_is_served_and_a_viewer(photos: Path) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "4 images" in page.text
        thumbnails = re.findall(r'src="([^"]+)"', page.text)
        views = re.findall(r'href="([^"]+)"', page.text)
        assert {unescape(one) for one in re.findall(r'alt="([^"]*)"', page.text)} == {*NAMES}
        for thumbnail, view in zip(thumbnails, views, strict=True):
            assert (await client.get(thumbnail)).headers["content-type"] == "image/webp"
            viewer = await client.get(view)
            assert "OpenSeadragon" in viewer.text
            found = re.search(r'new URL\("([^"]+)", location', viewer.text)
            assert found
            described = await client.get(f"{found[1]}/info.json", follow_redirects=True)
            assert (described.json()["width"], described.json()["height"]) == (60, 40)
        assert "<b>" not in page.text

    asked(FolderService, photos, ask)


def test_a_large_folder_shows_the_first_of_them_and_says_so(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST", 2)

    async def ask(client: httpx.AsyncClient) -> None:
        page = await client.get("/")
        assert "The first 2 of 4 images" in page.text
        assert page.text.count("<img") == 2

    asked(FolderService, photos, ask)


def test_the_folder_service_serves_images_and_the_deployed_service_has_no_page(photos: Path) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        assert (await client.get("/iiif/3/plain.jpg/full/30,/0/default.jpg")).status_code == 200
        assert (await client.get("/nothing")).status_code == 404

    asked(FolderService, photos, ask)

    async def ask_the_deployed(client: httpx.AsyncClient) -> None:
        assert (await client.get("/")).status_code == 404
        assert (await client.get("/view/plain.jpg")).status_code == 404

    asked(Service, photos, ask_the_deployed)


def test_only_what_looks_like_an_image_is_listed(photos: Path) -> None:
    assert {*images(photos)} == {*NAMES}


def test_a_description_never_promises_an_image_that_is_refused(tmp_path: Path) -> None:
    """Sizes are those that the decoder finds, wherever a file stores its orientation."""
    (tmp_path / "turned.webp").write_bytes(encode(corners(60, 40), ".webp", orientation=6))
    (tmp_path / "turned.tif").write_bytes(encode(corners(60, 40), ".tif", orientation=8))
    (tmp_path / "cut.tif").write_bytes(encode(corners(300, 200), ".tif", tile=True)[:4000])
    (tmp_path / "float.tif").write_bytes(encode(corners(60, 40).cast("float"), ".tif"))

    async def ask(client: httpx.AsyncClient) -> None:
        for name in ("turned.webp", "turned.tif"):
            info = await client.get(f"/iiif/3/{name}/info.json", follow_redirects=True)
            assert (info.json()["width"], info.json()["height"]) == (40, 60), name
            assert (await client.get(f"/iiif/3/{name}/full/max/0/default.jpg")).status_code == 200, name
        for name in ("cut.tif", "float.tif"):
            info = await client.get(f"/iiif/3/{name}/info.json", follow_redirects=True)
            assert info.status_code == 422, name

    asked(Service, tmp_path, ask)


@pytest.mark.parametrize(("kind", "lines"), [(Service, 1), (FolderService, 0)])
def test_only_the_deployed_service_prints_metrics(
    photos: Path, caplog: pytest.LogCaptureFixture, kind: type[Service], lines: int
) -> None:
    settings = Settings(source_folder=str(photos), workers=1)
    with caplog.at_level("INFO"):
        kind(settings, Folder(path=photos, limits=settings.limits)).print_metrics()
    assert len(caplog.messages) == lines
