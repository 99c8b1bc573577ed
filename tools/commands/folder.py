"""The image service over a folder, with a page of its images at `/`, which the deployed service lacks."""

import sys
from html import escape
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from container.service.__main__ import main
from container.service.app import Service
from container.service.request import path_of
from tools.commands.service import images
from tools.commands.viewer import fill, viewer_page

MOST = 500
VIEW = "/view/"


class FolderService(Service):
    """The image service with a gallery at `/` and a viewer for each image."""

    def application(self) -> Starlette:
        served = super().application()
        served.router.routes[:0] = [Route("/", self._page), Route(f"{VIEW}{{path:path}}", self._viewer)]
        return served

    def print_metrics(self) -> None:
        """Print no metrics: they are for CloudWatch, and would clutter the log of requests."""

    def _page(self, _: Request) -> Response:
        folder = self.settings.folder
        if folder is None:
            return PlainTextResponse("Not found\n", 404)
        found = images(folder)
        said = f"{len(found):,} images; each opens in a viewer that zooms."
        if len(found) > MOST:
            said = f"The first {MOST} of {said}"
        shown = "\n".join(map(_figure, found[:MOST]))
        return HTMLResponse(fill("folder.html", title=escape(folder.name), said=said, images=shown))

    def _viewer(self, request: Request) -> Response:
        key = unquote(request.scope["raw_path"].decode("ascii", "replace").removeprefix(VIEW))
        return HTMLResponse(viewer_page(path_of(key), title=key))


def _figure(key: str) -> str:
    thumbnail = f"{path_of(key)}/full/!480,480/0/default.webp"
    name = escape(key)
    shown = f'<img loading="lazy" src="{thumbnail}" alt="{name}"><figcaption>{name}</figcaption>'
    return f'<li><a href="{VIEW}{quote(key, safe="")}"><figure>{shown}</figure></a></li>'


if __name__ == "__main__":
    sys.exit(main(FolderService))
