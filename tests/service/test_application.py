"""The application in this process: its metrics, refusals and limits, and how it drains."""

import asyncio
import json
import threading

import pytest

from container.service import app
from container.service.metrics import Metric
from container.service.settings import Settings
from tests.support.shelf import PHOTO, Shelf, get_all, served


def test_the_rare_slow_answers_are_among_the_latencies() -> None:
    service, _ = served(Shelf())
    for milliseconds in (0, *(1.05**power for power in range(300)), 14_000):
        service.metrics.answered(200, milliseconds)
    latency = json.loads(service.metrics.line({}))["Latency"]
    assert len(latency["Values"]) <= 100
    assert sum(latency["Counts"]) == 302
    assert any(abs(value / 14_000 - 1) < 0.08 for value in latency["Values"])


@pytest.mark.parametrize(
    ("most_held", "draining", "answered"), [(500, False, 0), (20, False, 8), (500, True, 28)]
)
def test_a_503_is_held_back_unless_too_many_are_held_or_the_service_drains(
    monkeypatch: pytest.MonkeyPatch, most_held: int, draining: bool, answered: int
) -> None:
    monkeypatch.setattr(app, "HELD_SECONDS", 3600)
    monkeypatch.setattr(app, "MOST_HELD", most_held)

    async def run() -> None:
        shelf = Shelf(files={str(number): PHOTO for number in range(40)})
        shelf.open.clear()
        service, client = served(shelf)
        service.draining = draining
        async with client:
            asked = [asyncio.create_task(client.get(f"{number}/info.json")) for number in range(40)]
            while service.metrics.counts[Metric.BUSY] < 28 or sum(one.done() for one in asked) < answered:
                await asyncio.sleep(0)
            assert service.held == 28 - answered
            shelf.open.set()
            while sum(one.done() for one in asked) < 12 + answered:  # held 503s do not block the work
                await asyncio.sleep(0)
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            assert service.held == 0

    asyncio.run(run())


def test_excess_requests_are_refused_and_the_rest_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "HELD_SECONDS", 0)

    async def run() -> None:
        shelf = Shelf(files={str(number): PHOTO for number in range(40)})
        shelf.open.clear()
        service, client = served(shelf)
        async with client:
            paths = [f"{number}/info.json" for number in range(40)]
            waiting = asyncio.create_task(get_all(client, paths))
            while service.metrics.counts[Metric.BUSY] < 28:  # 40, less eight threads and four that may wait
                await asyncio.sleep(0)
            shelf.open.set()
            answers = await waiting
            refused = [one for one in answers if one.status_code == 503]
            assert len(refused) == 28
            assert all(one.headers["retry-after"] == "2" for one in refused)
            assert {one.status_code for one in answers if one not in refused} == {200}
            assert (await client.get("39/info.json")).status_code == 200

    asyncio.run(run())


def test_a_request_past_its_deadline_is_answered_and_its_work_never_begins() -> None:
    async def run() -> None:
        service, client = served(Shelf(), deadline_seconds=0.1, workers=1)
        busy = threading.Event()
        blocked = asyncio.create_task(service.working.run(lambda: busy.wait(10)))
        async with client:
            answer = await client.get("a/full/100,/0/default.jpg")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert "0.1 s" in answer.text
            while service.working.pending > 1:
                await asyncio.sleep(0)
            busy.set()
            await blocked
            assert "transform" not in answer.headers["server-timing"]

    asyncio.run(run())


def test_liveness_touches_nothing_and_readiness_ends_with_draining() -> None:
    async def run() -> None:
        shelf = Shelf()
        service, client = served(shelf)
        async with client:
            assert (await client.get("http://test/live")).status_code == 200
            assert (await client.get("http://test/ready")).status_code == 503
            service.ready = True
            assert (await client.get("http://test/ready")).status_code == 200
            service.draining = True
            assert (await client.get("http://test/ready")).text == "draining\n"
            assert (await client.get("a/info.json")).headers["connection"] == "close"
            assert (await client.get("http://test/live")).status_code == 200
        assert shelf.fetched == ["a"]

    asyncio.run(run())


def test_a_bug_is_a_500_that_reveals_no_details(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        shelf = Shelf()
        monkeypatch.setattr(shelf, "fetch", lambda *_: 1 / 0)
        _, client = served(shelf)
        async with client:
            answer = await client.get("a/info.json")
        assert answer.status_code == 500
        assert "division" not in answer.text

    asyncio.run(run())


def test_the_metrics_line_counts_since_the_last_one() -> None:
    service, _ = served(Shelf())
    for status, milliseconds in ((200, 12.34), (200, 12.31), (404, 1), (503, 2), (500, 3)):
        service.metrics.answered(status, milliseconds)
    line = json.loads(service.metrics.line({Metric.WAITING: 3}))
    assert [line[name] for name in ("Requests", "Refused", "Busy", "Errors", "Waiting")] == [5, 1, 1, 1, 3]
    assert line["Latency"] == {"Values": [11.5, 1.0, 2.05, 3.16], "Counts": [2, 1, 1, 1]}
    described = {one["Name"] for one in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert described == {*line} - {"_aws", "service"}
    assert json.loads(service.metrics.line({}))["Requests"] == 0


def test_formats_and_sizes_can_be_limited() -> None:
    settings = Settings.from_variables(
        {
            "SOURCE_BUCKET": "b",
            "FORMATS": "jpg webp",
            "SIZES": "300, !400,400",
            "PUBLIC_BASE_URL": "https://d/",
        }
    )
    assert (settings.encodings, settings.sizes) == (("jpg", "webp"), ("300,", "!400,400"))
    assert settings.base_url == "https://d"

    async def run() -> None:
        _, client = served(Shelf(), formats=settings.formats, sizes=settings.sizes)
        async with client:
            assert (await client.get("a/full/300,/0/default.webp")).status_code == 200
            assert "use jpg, webp" in (await client.get("a/full/300,/0/default.png")).text
            assert "not supported here: whole images" in (await client.get("a/full/301,/0/default.jpg")).text
            described = await client.get("a/info.json")
            info = json.loads(described.content)
            assert (info["profile"], info["extraFormats"]) == ("level0", ["webp"])
            assert "/level0.json>" in described.headers["link"]
            assert "rotationBy90s" in info["extraFeatures"]
            assert not {"rotationArbitrary", "sizeUpscaling", "sizeByW"} & {*info["extraFeatures"]}
            assert [(one["width"], one["height"]) for one in info["sizes"]] == [(300, 245), (400, 327)]
            for one in info["sizes"]:
                whole = f"a/full/{one['width']},{one['height']}"
                answer = await client.get(f"{whole}/0/default.jpg")
                assert (answer.status_code, f"{whole}/0/default.jpg" in answer.headers["link"]) == (200, True)
                assert "use 0, 90" in (await client.get(f"{whole}/12/default.jpg")).text
                assert "/level0.json>" in answer.headers["link"]
        _, client = served(Shelf(), formats=settings.formats)
        async with client:
            info = json.loads((await client.get("a/info.json")).content)
            assert info["profile"] == "level0", "without png"
            assert {"regionByPx", "rotationArbitrary", "sizeByW"} <= {*info["extraFeatures"]}

    asyncio.run(run())
