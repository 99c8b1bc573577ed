"""The ASGI application: a request is parse, fetch, transform and encode, and ends as an image or a reason."""

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from container.service.errors import RETRY_AFTER_SECONDS, BadRequestError, DeadlineError, reason_of, status_of
from container.service.geometry import canonical, place
from container.service.info import PROFILE, address, describe
from container.service.metrics import Metric, Metrics
from container.service.pool import Pool
from container.service.request import BaseRequest, ImageRequest, InfoRequest, parse
from container.service.settings import MB, Settings
from container.service.sources import Source, Sources
from container.service.stores import Store
from runtime.imaging.transform import Encoding, encode, transform, upright

FETCHES = 8
MEDIA_TYPES = {Encoding.JPG: "image/jpeg", Encoding.PNG: "image/png", Encoding.WEBP: "image/webp"}
JSON_LD = 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'
CORS = {"Access-Control-Allow-Origin": "*"}
METRICS_SECONDS = 60
ENCODERS = 1
"""Part of every ETag: counted up when the same request would give other bytes."""
log = logging.getLogger("service")


@dataclass(kw_only=True)
class Steps:
    """Milliseconds of each step of a request."""

    taken: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.taken[name] = (time.perf_counter() - started) * 1000

    def __str__(self) -> str:
        """As a Server-Timing header: https://www.w3.org/TR/server-timing/"""
        taken = list(self.taken.items())  # a thread may still be adding to it
        return ", ".join(f"{name};dur={milliseconds:.1f}" for name, milliseconds in taken)


class Service:
    """What lives as long as the process. ready: that load balancers may send requests here."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.working = Pool("work", workers=settings.threads, queue=settings.queue)
        self.sources = Sources(
            store=store,
            fetching=Pool("fetch", workers=FETCHES, queue=settings.queue),
            working=self.working,
            limits=settings.limits,
            budget=settings.cache_mb * MB,
            spare=settings.spare_mb * MB,
            fresh=settings.fresh_seconds,
        )
        self.metrics = Metrics(namespace=settings.metrics_namespace)
        self.ready = False
        self.draining = False

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/live", self._live),
            Route("/ready", self._ready),
            Route("/{path:path}", self.answer, methods=["GET", "HEAD", "OPTIONS"]),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    async def answer(self, request: Request) -> Response:
        """Any request for an image or its description."""
        if request.method == "OPTIONS":
            allowed = {"Access-Control-Allow-Methods": "GET, HEAD", "Access-Control-Allow-Headers": "*"}
            return Response(status_code=204, headers={**CORS, **allowed})
        raw_path = request.scope["raw_path"].decode("ascii", "replace")
        steps, started = Steps(), time.perf_counter()
        try:
            async with asyncio.timeout(self.settings.deadline_seconds):
                response = await self._answer(raw_path, request, steps)
        except TimeoutError:
            response = self._refuse(
                DeadlineError(f"Not done in {self.settings.deadline_seconds:g} s; try again.")
            )
        except Exception as error:
            if status_of(error) == 500:
                log.exception("Failed: %s", raw_path)
            response = self._refuse(error)
        took = (time.perf_counter() - started) * 1000
        self.metrics.answered(response.status_code, took)
        response.headers["Server-Timing"] = str(steps)
        if self.draining:
            response.headers["Connection"] = "close"
        entry = {"path": raw_path[:2000], "status": response.status_code, "ms": round(took, 1)}
        log.info(
            json.dumps({**entry, "steps": {name: round(one, 1) for name, one in list(steps.taken.items())}})
        )
        return response

    async def _answer(self, raw_path: str, request: Request, steps: Steps) -> Response:
        with steps.step("parse"):
            asked = parse(raw_path)
            if isinstance(asked, ImageRequest) and asked.encoding not in self.settings.encodings:
                raise BadRequestError(f"Format {asked.encoding}: here {', '.join(self.settings.encodings)}.")
        if isinstance(asked, BaseRequest):
            return RedirectResponse(f"{address(self.settings.base_url, asked.key)}/info.json", 303, CORS)
        with steps.step("fetch"):
            source = await self.sources.get(asked.key)
        source.asked += 1
        if isinstance(asked, InfoRequest):
            return self._info(asked, source, request)
        return await self._image(asked, source, request, steps)

    def _info(self, asked: InfoRequest, source: Source, request: Request) -> Response:
        settings = self.settings
        size = upright(source.file.header)
        document = describe(settings.base_url, asked.key, *size, settings.offered, settings.encodings)
        wants_ld = "application/ld+json" in request.headers.get("accept", "")
        headers = {**self._kept(source.file.version, f"{wants_ld} {document}"), "Vary": "Accept"}
        headers["Link"] = f'<{PROFILE}>;rel="profile"'
        if _has(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return JSONResponse(document, headers=headers, media_type=JSON_LD if wants_ld else "application/json")

    async def _image(self, asked: ImageRequest, source: Source, request: Request, steps: Steps) -> Response:
        settings, file = self.settings, source.file
        width, height = upright(file.header)
        placed = place(asked, width, height, settings.offered)
        path = canonical(asked, placed, width, height, settings.offered)
        headers = self._kept(file.version, f"{ENCODERS} {placed} {asked.encoding}")
        # Weak: a part from the pyramid and one decoded alone look the same, and differ in their bytes.
        headers["ETag"] = f"W/{headers['ETag']}"
        headers["Link"] = f'<{PROFILE}>;rel="profile", <{settings.base_url}{path}>;rel="canonical"'
        if _has(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        is_part = (placed.width, placed.height) != (width, height)
        pyramid = source.pyramid
        if is_part:
            with steps.step("decode"):
                pyramid = await self.sources.pyramid(asked.key, source)

        def work() -> bytes:
            with steps.step("transform"):
                image = (
                    pyramid.transform(placed)
                    if pyramid
                    else transform(file.data, file.header, settings.limits, placed)
                )
            with steps.step("encode"):
                return encode(image, asked.encoding)

        with steps.step("work"):
            data = await self.working.run(work)
        return Response(data, headers=headers, media_type=MEDIA_TYPES[asked.encoding])

    def _kept(self, version: str, what: str) -> dict[str, str]:
        """Headers of an answer that caches may keep."""
        etag = hashlib.sha256(f"{version} {what}".encode()).hexdigest()[:32]
        return {
            **CORS,
            "ETag": f'"{etag}"',
            "Cache-Control": f"public, max-age={self.settings.max_age_seconds}",
        }

    def _refuse(self, error: Exception) -> Response:
        status = status_of(error)
        headers = {**CORS, "Cache-Control": "no-store"}
        if status == 503:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return PlainTextResponse(f"{reason_of(error)}\n", status, headers)

    async def _live(self, _: Request) -> Response:
        return PlainTextResponse("alive\n", headers={"Cache-Control": "no-store"})

    async def _ready(self, _: Request) -> Response:
        ready = self.ready and not self.draining
        state = "ready" if ready else "draining" if self.draining else "starting"
        return PlainTextResponse(f"{state}\n", 200 if ready else 503, {"Cache-Control": "no-store"})

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        counting = asyncio.create_task(self._count())
        self.ready = True
        yield
        counting.cancel()
        self._print_metrics()
        self.sources.fetching.close()
        self.working.close()

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(METRICS_SECONDS)
            self._print_metrics()

    def _print_metrics(self) -> None:
        sources = self.sources
        gauges: dict[Metric, float] = {
            Metric.CACHE_BYTES: sources.bytes,
            Metric.CACHE_HITS: sources.hits,
            Metric.DECODES: sources.decodes,
            Metric.WAITING: self.working.pending,
        }
        sources.hits = sources.decodes = 0
        log.info(self.metrics.line(gauges))


def _has(request: Request, etag: str) -> bool:
    """Whether the caller has it already; a cache that compresses makes a tag weak.

    https://www.rfc-editor.org/rfc/rfc9110#field.if-none-match
    """
    known = ",".join(request.headers.getlist("if-none-match"))
    tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
    return etag.removeprefix("W/") in tags or "*" in tags
