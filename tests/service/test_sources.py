"""Sources and the pool behind them, in this process: what is cached, what waits, and what is refused."""

import asyncio
import json
import threading
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from container.service.errors import BusyError, StoreError, UnreachableError
from container.service.settings import MB
from runtime.imaging.probe import probe_bytes
from runtime.imaging.transform import Pyramid, size_of
from tests.support.images import corners, encode, noise
from tests.support.shelf import PHOTO, Shelf, get_all, served

TILES = [f"{x},{y},{min(512, 1100 - x)},{min(512, 900 - y)}/max" for x in (0, 512, 1024) for y in (0, 512)]


def test_concurrent_requests_for_one_source_fetch_it_once() -> None:
    async def run() -> None:
        shelf = Shelf()
        shelf.open.clear()
        _, client = served(shelf)
        async with client:
            waiting = asyncio.create_task(get_all(client, ["a/info.json"] * 20))
            while not shelf.fetched:
                await asyncio.sleep(0)
            shelf.open.set()
            assert {one.status_code for one in await waiting} == {200}
        assert shelf.fetched == ["a"]

    asyncio.run(run())


def test_a_cancelled_request_does_not_cancel_the_fetch_for_the_others() -> None:
    async def run() -> None:
        shelf = Shelf()
        shelf.open.clear()
        service, _ = served(shelf)
        first, second = (asyncio.create_task(service.sources.get("a")) for _ in range(2))
        while not shelf.fetched:
            await asyncio.sleep(0)
        first.cancel()
        shelf.open.set()
        assert (await second).file.data == PHOTO
        assert first.cancelled()

    asyncio.run(run())


def test_work_that_nobody_waits_for_any_more_never_begins() -> None:
    async def run() -> None:
        shelf = Shelf(files={str(number): PHOTO for number in range(9)})
        shelf.open.clear()
        service, _ = served(shelf)
        busy = [asyncio.create_task(service.sources.get(str(number))) for number in range(8)]
        late = asyncio.create_task(service.sources.get("8"))
        while len(shelf.fetched) < 8:
            await asyncio.sleep(0)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        shelf.open.set()
        await asyncio.gather(*busy)
        assert "8" not in shelf.fetched
        assert (await service.sources.get("8")).file.data == PHOTO

    asyncio.run(run())


def test_the_memory_bound_includes_what_requests_still_hold() -> None:
    files = dict.fromkeys("abcdefgh", bytes(MB))

    async def run() -> None:
        service, _ = served(Shelf(files=files), cache_mb=2, spare_mb=2)
        monkey = patch("tests.support.shelf.probe_bytes", return_value=probe_bytes(PHOTO))
        with monkey:
            held = [await service.sources.get(key) for key in "abcd"]
            with pytest.raises(BusyError, match="fill the memory"):
                await service.sources.get("e")
            assert service.sources.memory.held == 4 * MB
            del held[:2]
            assert (await service.sources.get("e")).file.data == files["e"]
        del held
        async with asyncio.timeout(60):  # the thread that fetched last may hold its result a moment longer
            while service.sources.memory.held > service.sources.bytes:
                await asyncio.sleep(0.01)
        assert service.sources.memory.held == service.sources.bytes <= 2 * MB

    asyncio.run(run())


def test_a_viewers_tiles_decode_the_source_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    begin = Pyramid.__init__

    def count(self: Pyramid, *arguments: Any) -> None:
        decoded.append(1)
        begin(self, *arguments)

    monkeypatch.setattr(Pyramid, "__init__", count)
    monkeypatch.setattr("container.service.app.transform", lambda *_: pytest.fail("decoded for one tile"))

    async def run() -> None:
        service, client = served(Shelf(), queue=200)
        async with client:
            assert (await client.get("a/info.json")).status_code == 200
            answers = await get_all(client, [f"a/{tile}/0/default.jpg" for tile in TILES] * 17)
        assert {one.status_code for one in answers} == {200}
        assert (len(answers), service.sources.decodes) == (102, 1)

    asyncio.run(run())
    assert decoded == [1]


def test_other_settings_give_other_etags() -> None:
    async def run() -> None:
        tags = []
        for changed in ({}, {"max_width": 500}, {"public_base_url": "http://other"}):
            _, client = served(Shelf(), **changed)
            async with client:
                paths = ("a/info.json", "a/full/max/0/default.jpg")
                tags.append([(await client.get(path)).headers["etag"] for path in paths])
        assert len({info for info, _ in tags}) == 3
        assert tags[0][1] != tags[1][1]

    asyncio.run(run())


def test_a_request_for_one_part_does_not_decode_the_whole_source() -> None:
    async def run() -> None:
        service, client = served(Shelf())
        async with client:
            assert (await client.get(f"a/{TILES[0]}/0/default.jpg")).status_code == 200
        assert service.sources.decodes == 0

    asyncio.run(run())


def test_a_source_that_does_not_fit_into_the_budget_is_served_without_being_kept() -> None:
    async def run() -> None:
        shelf = Shelf()
        service, client = served(shelf, cache_mb=0)
        async with client:
            for tile in TILES[:3]:
                assert (await client.get(f"a/{tile}/0/default.jpg")).status_code == 200
        assert (service.sources.bytes, service.sources.decodes) == (0, 0)
        assert len(shelf.fetched) == 3

    asyncio.run(run())


def test_the_least_recently_used_source_is_evicted_first_and_the_budget_is_kept() -> None:
    small = encode(noise(500, 400), ".jpg")
    each = len(small) + size_of(probe_bytes(small))

    async def run() -> None:
        shelf = Shelf(files=dict.fromkeys("abcdef", small))
        service, client = served(shelf, cache_mb=3)
        budget = 3 * MB
        assert 2 * each < budget < 3 * each + len(small)
        async with client:
            for name in "abcabcdefed":
                for path in ("info.json", "0,0,99,99/max/0/default.jpg"):
                    assert (await client.get(f"{name}/{path}")).status_code == 200
                    assert service.sources.bytes <= budget
            before = len(shelf.fetched)
            await client.get("e/info.json")
            assert len(shelf.fetched) == before
            await client.get("f/info.json")
            assert len(shelf.fetched) == before + 1

    asyncio.run(run())


def test_a_changed_source_is_noticed_once_the_kept_one_is_no_longer_fresh() -> None:
    async def run() -> None:
        shelf = Shelf()
        service, client = served(shelf, fresh_seconds=3600)
        async with client:
            first = await client.get("a/info.json")
            shelf.files["a"] = encode(corners(60, 40), ".png")
            assert (await client.get("a/info.json")).headers["etag"] == first.headers["etag"]
            service.sources._kept["a"].fresh_until = 0
            again = await client.get("a/info.json")
        assert again.headers["etag"] != first.headers["etag"]
        assert json.loads(again.content)["width"] == 60

    asyncio.run(run())


def test_a_removed_source_is_a_404_and_is_kept_no_longer() -> None:
    async def run() -> None:
        shelf = Shelf()
        service, client = served(shelf)
        async with client:
            await client.get("a/info.json")
            service.sources._kept["a"].fresh_until = 0
            del shelf.files["a"]
            assert (await client.get("a/info.json")).status_code == 404
        assert service.sources.bytes == 0

    asyncio.run(run())


def test_a_kept_source_is_served_while_the_store_cannot_be_reached(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        shelf = Shelf()
        service, client = served(shelf)
        async with client:
            first = await client.get("a/info.json")
            service.sources._kept["a"].fresh_until = 0
            with (
                patch.object(shelf, "fetch", side_effect=UnreachableError("away")),
                patch.object(shelf, "version", side_effect=UnreachableError("away")),
            ):
                assert (await client.get("a/info.json")).headers["etag"] == first.headers["etag"]
                assert (await client.get("b/info.json")).status_code == 502
            service.sources._kept["a"].fresh_until = 0
            with patch.object(shelf, "version", side_effect=StoreError("refused")):
                assert (await client.get("a/info.json")).status_code == 502

    asyncio.run(run())
    assert "Serving a as it was: away" in caplog.text


def test_a_kept_source_is_served_without_waiting_for_a_stalled_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("container.service.sources.ASK_AGAIN_SECONDS", 0.05)

    async def run() -> None:
        shelf = Shelf()
        service, client = served(shelf, deadline_seconds=5)
        async with client:
            await client.get("a/info.json")
            service.sources._kept["a"].fresh_until = 0
            shelf.open.clear()
            assert (await client.get("a/info.json")).status_code == 200
            shelf.open.set()

    asyncio.run(run())


def test_a_decode_that_outlasts_its_viewers_is_kept_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, begin = threading.Event(), threading.Event(), Pyramid.__init__

    def slow(self: Pyramid, *arguments: Any) -> None:
        begun.set()
        assert go_on.wait(60)
        begin(self, *arguments)

    monkeypatch.setattr(Pyramid, "__init__", slow)

    async def run() -> None:
        service, client = served(Shelf(), deadline_seconds=0.3)
        async with client:
            await client.get("a/info.json")
            given_up = await get_all(client, ["a/0,0,512,512/max/0/default.jpg"] * 3)
            assert {one.status_code for one in given_up} == {503}
            assert begun.is_set()
            go_on.set()
            service.settings = replace(service.settings, deadline_seconds=60)
            assert (await client.get("a/0,0,512,512/max/0/default.jpg")).status_code == 200
            assert service.sources.decodes == 1

    asyncio.run(run())
