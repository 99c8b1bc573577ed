"""The service behind a proxy: the requested host, and the limit on the size of an answer."""

import asyncio
import contextlib
import itertools
import random
from typing import Any

import numpy
import pytest
import pyvips

from container.service.answers import WORST, WORST_ALPHA, WORST_PNG, encoded_within
from container.service.errors import BadRequestError
from runtime.imaging.encode import encode
from runtime.imaging.transform import Encoding
from tests.support.shelf import Shelf, served

MOST = 4_700_000


def got(path: str, headers: dict[str, str], **settings: Any) -> Any:
    async def run() -> Any:
        _, client = served(Shelf(), **{"public_base_url": "", **settings})
        async with client:
            return await client.get(path, headers=headers)

    return asyncio.run(run())


def described(host: str, **settings: Any) -> str:
    """Return the part of `id` before `/iiif/`, from the `info.json` that the redirect leads to."""
    headers = {"x-forwarded-host": host} if host else {}

    async def run() -> str:
        _, client = served(Shelf(), **{"public_base_url": "", **settings})
        async with client:
            answer = await client.get("a/info.json", headers=headers, follow_redirects=True)
            return str(answer.json()["id"].partition("/iiif/")[0])

    return asyncio.run(run())


def test_the_forwarded_host_is_used_only_if_it_is_trusted_and_no_base_url_is_set() -> None:
    assert described("d1.cloudfront.net", trust_forwarded_host=True) == "https://d1.cloudfront.net"
    assert described("d1.cloudfront.net") == "http://127.0.0.1:8080"
    told = {"trust_forwarded_host": True, "public_base_url": "https://images.example.com"}
    assert described("d1.cloudfront.net", **told) == "https://images.example.com"
    assert described("", trust_forwarded_host=True) == "http://127.0.0.1:8080"


@pytest.mark.parametrize("host", ["a b", "a/b", 'a"><script>', "a" * 300, "user@host", "a:123456"])
def test_an_invalid_forwarded_host_is_not_written_into_an_answer(host: str) -> None:
    assert described(host, trust_forwarded_host=True) == "http://127.0.0.1:8080"


def test_answers_for_two_hosts_have_different_etags() -> None:
    tags = {
        got("a/full/10,/0/default.jpg", {"x-forwarded-host": host}, trust_forwarded_host=True).headers["etag"]
        for host in ("a.example.com", "b.example.com")
    }
    assert len(tags) == 2


def test_an_image_that_might_be_too_large_is_refused_with_what_to_ask_instead() -> None:
    answer = got("a/full/100,/0/default.png", {}, max_answer_bytes=5000)
    assert answer.status_code == 400
    size = answer.text.partition("a size of ")[2].partition(" or")[0]
    assert size.startswith("!")
    assert got(f"a/full/{size}/0/default.png", {}, max_answer_bytes=5000).status_code == 200


def pictures(seed: int) -> list[pyvips.Image]:
    """Return images as incompressible as possible, with and without alpha."""
    drawn = numpy.random.default_rng(seed)
    made = []
    for bands, levels in itertools.product((1, 2, 3, 4), (2, 3, 256)):
        samples = drawn.integers(0, levels, (200, 200, bands)) * (255 // (levels - 1))
        data = samples.astype(numpy.uint8).tobytes()
        kind = "b-w" if bands < 3 else "srgb"
        made.append(pyvips.Image.new_from_memory(data, 200, 200, bands, "uchar").copy(interpretation=kind))
    return made


@pytest.mark.parametrize("encoding", Encoding)
def test_no_encoded_picture_takes_more_than_the_worst_case(encoding: Encoding) -> None:
    for image in pictures(7):
        worst = image.bands * WORST_PNG if encoding is Encoding.PNG else WORST[encoding]
        if encoding is Encoding.WEBP and image.hasalpha():
            worst += WORST_ALPHA
        assert len(encode(image, encoding)) <= worst * image.width * image.height + 1000


def test_an_answer_that_proves_too_large_once_it_is_encoded_is_refused_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (image, *_) = pictures(7)
    monkeypatch.setattr("container.service.answers.encode", lambda *_: bytes(MOST + 1))
    with pytest.raises(BadRequestError, match="4,700,000 bytes"):
        encoded_within(MOST, image, Encoding.JPG)
    assert encoded_within(0, image, Encoding.JPG) == bytes(MOST + 1)


def test_no_answer_is_over_a_limit_drawn_at_random() -> None:
    chosen, noisy, let_through = random.Random(5), pictures(3), 0
    for _ in range(60):
        image = chosen.choice(noisy)
        encoding = chosen.choice([*Encoding])
        most = chosen.randrange(2_000, 200_000)
        with contextlib.suppress(BadRequestError):
            assert len(encoded_within(most, image, encoding)) <= most
            let_through += 1
    assert 10 < let_through < 60
