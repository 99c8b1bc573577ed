"""Overwritten images, and cheap answers: to HEAD, to a known ETag, and for a rejected source."""

import asyncio
import time
from typing import Any
from unittest.mock import patch

import pytest

from container.service.errors import UnreachableError
from runtime.rejection import Reason
from tests.support.images import encode, noise
from tests.support.shelf import PHOTO, Shelf, served


def test_a_picture_that_is_overwritten_is_never_mixed_with_the_new_one() -> None:
    """Two tasks read one bucket, and they check for a new version at different times."""
    new = encode(noise(700, 500), ".jpg")

    async def run() -> None:
        shelf = Shelf()
        (_, first), (_, second) = served(shelf), served(shelf)
        async with first, second:
            old = (await first.get("a/info.json")).json()
            shelf.files["a"] = new
            present = (await second.get("a/info.json")).json()
            assert (old["width"], present["width"]) == (1100, 700)
            edge = "600,400,100,100/max/0/default.jpg"
            # The old description leads to the old picture or to none, the new one to the new picture.
            assert (await first.get(f"{old['id']}/{edge}")).status_code == 200
            assert (await second.get(f"{old['id']}/{edge}")).status_code == 404
            for task in (first, second):
                assert (await task.get(f"{present['id']}/0,0,700,500/max/0/default.jpg")).status_code == 200
            assert (await first.get(f"{old['id']}/{edge}")).status_code == 404

    asyncio.run(run())


def test_head_makes_no_image_and_a_known_etag_reads_no_source() -> None:
    async def run() -> None:
        path, shelf = "a/full/300,/0/default.jpg", Shelf()
        warm, client = served(shelf)
        async with client:
            known = (await client.get(path)).headers["etag"]
            with patch.object(warm.working, "run", side_effect=AssertionError("made")):
                assert (await client.head(path)).headers["etag"] == known
        shelf.fetched.clear()
        _, client = served(shelf)
        async with client:
            again = await client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, shelf.fetched, shelf.looked_at) == (304, [], ["a"])
            shelf.files["a"] = encode(noise(700, 500), ".jpg")
            assert (await client.get(path, headers={"If-None-Match": known})).status_code == 200

    asyncio.run(run())


def test_a_rejected_source_is_not_read_again_for_a_while() -> None:
    async def run() -> None:
        shelf = Shelf(files={"a": b"no image"})
        service, client = served(shelf)
        async with client:
            answers = [await client.get("a/info.json") for _ in range(5)]
            assert {one.status_code for one in answers} == {422}
            assert len({one.text for one in answers}) == 1
            assert shelf.fetched == ["a"]
            shelf.files["a"] = PHOTO
            service.sources._rejected["a"] = (0, Reason.DAMAGED, "")
            assert (await client.get("a/info.json")).status_code == 200

    asyncio.run(run())


def test_rejected_sources_hold_no_memory() -> None:
    async def run() -> None:
        service, client = served(Shelf(files={str(number): bytes(2**20) for number in range(40)}), cache_mb=4)
        async with client:
            answers = [await client.get(f"{number}/info.json") for number in range(40)]
        assert {one.status_code for one in answers} == {422}
        assert service.sources.memory.held == 0

    asyncio.run(run())


def test_a_named_version_is_a_502_and_not_a_404_while_the_store_cannot_be_reached() -> None:
    """After a 404, viewers would not try again."""

    async def run() -> None:
        shelf = Shelf()
        (_, first), (_, second) = served(shelf), served(shelf)
        async with first, second:
            await first.get("a/info.json")
            shelf.files["a"] = encode(noise(700, 500), ".jpg")
            present = (await second.get("a/info.json")).json()["id"]
            with patch.object(shelf, "version", side_effect=UnreachableError("away")):
                assert (await first.get(f"{present}/full/max/0/default.jpg")).status_code == 502
            assert (await first.get(f"{present}/full/max/0/default.jpg")).status_code == 200

    asyncio.run(run())


def test_a_new_version_that_is_slow_to_come_replaces_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("container.service.sources.ASK_AGAIN_SECONDS", 0.2)

    async def run() -> None:
        shelf = Shelf()
        service, client = served(shelf, deadline_seconds=60)
        async with client:
            await client.get("a/info.json")
            shelf.files["a"] = encode(noise(700, 500), ".jpg")
            service.sources._kept["a"].fresh_until = 0
            fetch = shelf.fetch

            def slow(*arguments: Any) -> Any:
                time.sleep(0.5)
                return fetch(*arguments)

            monkeypatch.setattr(shelf, "fetch", slow)
            assert (await client.get("a/info.json")).json()["width"] == 700

    asyncio.run(run())


def test_a_bad_upload_that_is_replaced_is_served_by_its_new_address_at_once() -> None:
    async def run() -> None:
        shelf = Shelf(files={"a": b"no image"})
        (_, first), (_, second) = served(shelf), served(shelf)
        async with first, second:
            assert (await first.get("a/info.json")).status_code == 422
            shelf.files["a"] = PHOTO
            present = (await second.get("a/info.json")).json()["id"]
            assert (await first.get(f"{present}/info.json")).status_code == 200
            assert (await first.get(f"{present.replace('@', '%40')}/info.json")).status_code == 200

    asyncio.run(run())
