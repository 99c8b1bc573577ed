"""Pictures that are overwritten, and answers that cost little: HEAD, what is known, what is rejected."""

import asyncio
from unittest.mock import patch

from tests.support.images import encode, noise
from tests.support.shelf import PHOTO, Shelf, served


def test_a_picture_that_is_overwritten_is_never_mixed_with_the_new_one() -> None:
    """Two tasks over one bucket, of which each looks again when it likes."""
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
            # Whoever has the old description gets the old picture or none; with the new one, the new.
            assert (await first.get(f"{old['id']}/{edge}")).status_code == 200
            assert (await second.get(f"{old['id']}/{edge}")).status_code == 404
            for task in (first, second):
                assert (await task.get(f"{present['id']}/0,0,700,500/max/0/default.jpg")).status_code == 200
            assert (await first.get(f"{old['id']}/{edge}")).status_code == 404

    asyncio.run(run())


def test_head_makes_nothing_and_an_answer_that_is_known_reads_nothing() -> None:
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


def test_what_is_rejected_is_not_read_again_for_a_while() -> None:
    async def run() -> None:
        shelf = Shelf(files={"a": b"no image"})
        service, client = served(shelf)
        async with client:
            answers = [await client.get("a/info.json") for _ in range(5)]
            assert {one.status_code for one in answers} == {422}
            assert len({one.text for one in answers}) == 1
            assert shelf.fetched == ["a"]
            shelf.files["a"] = PHOTO
            service.sources._rejected["a"] = (0, service.sources._rejected["a"][1])
            assert (await client.get("a/info.json")).status_code == 200

    asyncio.run(run())
