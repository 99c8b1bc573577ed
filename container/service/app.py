"""The ASGI application: parses a request, fetches the image, transforms and encodes it."""

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from container.service.answers import encoded_within
from container.service.errors import (
    RETRY_AFTER_SECONDS,
    BadRequestError,
    BusyError,
    DeadlineError,
    StoreError,
    reason_of,
    status_of,
)
from container.service.geometry import canonical, place
from container.service.info import describe, profile_link
from container.service.metrics import Metric, Metrics
from container.service.pool import Pool
from container.service.request import BaseRequest, ImageRequest, InfoRequest, parse, path_of
from container.service.settings import MB, Settings
from container.service.sources import Source, Sources, version_of
from container.service.steps import Steps
from container.service.stores import FETCHES, Store
from runtime.imaging.transform import Encoding, transform, upright

MEDIA_TYPES = {Encoding.JPG: "image/jpeg", Encoding.PNG: "image/png", Encoding.WEBP: "image/webp"}
JSON_LD = 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'
CORS = {"Access-Control-Allow-Origin": "*"}
METRICS_SECONDS = 60
HELD_SECONDS = 1.0
"""How long a refusal for lack of capacity is delayed.

Without the delay, clients that ignore Retry-After would retry at once, and refusals would take the CPU that
answers need.
"""
MOST_HELD = 500
"""Maximum number of refusals delayed at a time (about 20 MB); any more are sent without delay."""
ENCODERS = 2
"""Part of every ETag; to be incremented whenever new code answers a request with different bytes."""
log = logging.getLogger("service")


class Service:
    """State that lives as long as the process. ready: set after start-up. draining: set once told to stop."""

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
        self.made_by = f"{ENCODERS} {settings.offered} {settings.encodings}"
        self.ready = False
        self.draining = False
        self.held = 0

    def application(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route("/live", self._live),
            Route("/ready", self._ready),
            Route("/{path:path}", self.answer, methods=["GET", "HEAD", "OPTIONS"]),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    async def answer(self, request: Request) -> Response:
        """Answer any request for an image or its description."""
        if request.method == "OPTIONS":
            allowed = {"Access-Control-Allow-Methods": "GET, HEAD", "Access-Control-Allow-Headers": "*"}
            return Response(status_code=204, headers={**CORS, **allowed})
        raw_path = request.scope["raw_path"].decode("ascii", "replace")
        steps, started, hold = Steps(), time.perf_counter(), False
        try:
            async with asyncio.timeout(self.settings.deadline_seconds):
                response = await self._answer(raw_path, request, steps)
        except TimeoutError:
            response = self._refuse(
                DeadlineError(f"Not finished within {self.settings.deadline_seconds:g} s; try again.")
            )
        except Exception as error:
            if status_of(error) == 500:
                log.exception("Failed: %s", raw_path)
            response, hold = self._refuse(error), isinstance(error, BusyError)
        took = (time.perf_counter() - started) * 1000
        self.metrics.answered(response.status_code, took)
        response.headers["Server-Timing"] = str(steps)
        if self.draining:
            response.headers["Connection"] = "close"
        entry = {"path": raw_path[:2000], "status": response.status_code, "ms": round(took, 1)}
        log.info(json.dumps({**entry, "steps": steps.rounded()}))
        if hold and self.held < MOST_HELD and not self.draining:
            self.held += 1
            try:
                await asyncio.sleep(HELD_SECONDS)
            finally:
                self.held -= 1
        return response

    async def _answer(self, raw_path: str, request: Request, steps: Steps) -> Response:
        with steps.step("parse"):
            asked = parse(raw_path)
            if isinstance(asked, ImageRequest) and asked.encoding not in self.settings.encodings:
                raise BadRequestError(
                    f"Format {asked.encoding} is not supported here: use "
                    f"{', '.join(self.settings.encodings)}."
                )
        if isinstance(asked, BaseRequest):
            return self._lead_to_info(asked.key, asked.version, 303)
        with steps.step("fetch"):
            if unchanged := await self._unchanged(asked, raw_path, request):
                return unchanged
            source = await self.sources.get(asked.key, asked.version)
        source.asked += 1
        if isinstance(asked, InfoRequest) and not asked.version:
            return self._lead_to_info(asked.key, source.version, 302)
        headers = self._headers(asked, source.file.version, raw_path, request)
        if isinstance(asked, InfoRequest):
            return self._info(asked, source, request, headers)
        return await self._image(asked, source, request, headers, steps)

    async def _unchanged(
        self, asked: ImageRequest | InfoRequest, raw_path: str, request: Request
    ) -> Response | None:
        """Return 304 if the client has the current answer; the image is read only if a cached one changed."""
        leads_elsewhere = isinstance(asked, InfoRequest) and not asked.version
        if "if-none-match" not in request.headers or leads_elsewhere:
            return None
        try:
            tag = await self.sources.tag(asked.key)
        except StoreError:  # a cached source may still be served
            return None
        headers = self._headers(asked, tag, raw_path, request)
        is_present = asked.version in ("", version_of(tag))
        return Response(status_code=304, headers=headers) if is_present and _has(request, headers) else None

    def _lead_to_info(self, key: str, version: str, status: int) -> Response:
        """Redirect to the description of a version, or to the unversioned one if `version` is empty."""
        # The location has no host, since the service may be reached by several names.
        location = f"{urlsplit(self.settings.base_url).path}{path_of(key, version)}/info.json"
        return RedirectResponse(location, status, {**CORS, "Cache-Control": self._caching("")})

    def _info(
        self, asked: InfoRequest, source: Source, request: Request, headers: dict[str, str]
    ) -> Response:
        settings = self.settings
        address = f"{self._address(request)}{path_of(asked.key, asked.version)}"
        document = describe(address, *upright(source.file.header), settings.offered, settings.encodings)
        headers["Link"] = profile_link(settings.offered, settings.encodings)
        media_type = JSON_LD if _wants_json_ld(request) else "application/json"
        return JSONResponse(document, headers=headers, media_type=media_type)

    async def _image(
        self,
        asked: ImageRequest,
        source: Source,
        request: Request,
        headers: dict[str, str],
        steps: Steps,
    ) -> Response:
        settings, file = self.settings, source.file
        width, height = upright(file.header)
        placed = place(asked, width, height, settings.offered)
        path = canonical(asked, placed, width, height, settings.offered)
        profile = profile_link(settings.offered, settings.encodings)
        headers["Link"] = f'{profile}, <{self._address(request)}{path}>;rel="canonical"'
        if request.method == "HEAD":
            return _without_body(headers, MEDIA_TYPES[asked.encoding])
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
                return encoded_within(settings.max_answer_bytes, image, asked.encoding)

        with steps.step("work"):
            data = await self.working.run(work)
        return Response(data, headers=headers, media_type=MEDIA_TYPES[asked.encoding])

    def _headers(
        self, asked: ImageRequest | InfoRequest, tag: str, raw_path: str, request: Request
    ) -> dict[str, str]:
        """Return headers of a cacheable answer. Its ETag follows from URL, media type, settings and version.

        The ETag is weak: a tile cut from the pyramid and one decoded alone look the same but differ in bytes.
        """
        made_by = f"{self.made_by} {self._address(request)}"
        asked_for = f"{raw_path} {_wants_json_ld(request)}" if isinstance(asked, InfoRequest) else raw_path
        etag = hashlib.sha256(f"{tag} {made_by} {asked_for}".encode()).hexdigest()[:32]
        headers = {**CORS, "ETag": f'W/"{etag}"', "Cache-Control": self._caching(asked.version)}
        return {**headers, "Vary": "Accept"} if isinstance(asked, InfoRequest) else headers

    def _address(self, request: Request) -> str:
        """Return the base address of `id` and links."""
        return self.settings.address(request.headers.get("x-forwarded-host", ""))

    def _caching(self, version: str) -> str:
        """Return Cache-Control; without a version in the URL an answer is valid for at most fresh_seconds."""
        settings = self.settings
        seconds = (
            settings.max_age_seconds if version else min(settings.fresh_seconds, settings.max_age_seconds)
        )
        return f"public, max-age={seconds:.0f}"

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
        self.print_metrics()
        self.sources.fetching.close()
        self.working.close()

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(METRICS_SECONDS)
            self.print_metrics()

    @property
    def is_at_work(self) -> bool:
        """Whether work runs in a thread or waits for one, even if its request was already answered."""
        return bool(self.working.pending or self.sources.fetching.pending)

    def print_metrics(self) -> None:
        """Print what was counted since the last call."""
        sources = self.sources
        gauges: dict[Metric, float] = {
            Metric.CACHE_BYTES: sources.bytes,
            Metric.CACHE_HITS: sources.hits,
            Metric.DECODES: sources.decodes,
            Metric.WAITING: self.working.pending,
        }
        log.info(self.metrics.line(gauges))
        sources.hits = sources.decodes = 0


def _wants_json_ld(request: Request) -> bool:
    return "application/ld+json" in request.headers.get("accept", "")


def _without_body(headers: dict[str, str], media_type: str) -> Response:
    """Return an answer to HEAD without making the image; its length is therefore unknown.

    https://www.rfc-editor.org/rfc/rfc9110#name-head
    """
    response = Response(headers=headers, media_type=media_type)
    del response.headers["content-length"]
    return response


def _has(request: Request, headers: Mapping[str, str]) -> bool:
    """Return whether If-None-Match matches, by the weak comparison that the RFC requires.

    https://www.rfc-editor.org/rfc/rfc9110#field.if-none-match
    """
    known = ",".join(request.headers.getlist("if-none-match"))
    return headers["ETag"].removeprefix("W/") in [one.strip().removeprefix("W/") for one in known.split(",")]
