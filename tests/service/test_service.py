"""The service as a running process, over a folder of images."""

import http.client
import json
import random
import urllib.error
import urllib.request
from contextlib import closing
from urllib.parse import quote

import pytest

from tests.service.conftest import SQUARES, Running
from tests.support.images import decode

PHOTO = "/iiif/3/photo.jpg"


def present(service: Running, key: str = "photo.jpg") -> str:
    """Return the path of the current version, from `info.json`."""
    found = json.loads(service.get(f"/iiif/3/{key}/info.json")[2])["id"]
    assert found.endswith(f"/{key}")
    return str(found.removeprefix(service.url))


def logged(service: Running) -> list[dict[str, object]]:
    return [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith('{"path"')]


def test_an_image_comes_with_what_caches_and_viewers_need(service: Running) -> None:
    status, headers, body = service.get(f"{PHOTO}/full/300,/0/default.webp")
    assert (status, headers["content-type"]) == (200, "image/webp")
    assert decode(body).width == 300
    assert headers["cache-control"] == "public, max-age=60"
    assert headers["access-control-allow-origin"] == "*"
    assert f'<{service.url}{PHOTO}/full/300,200/0/default.webp>;rel="canonical"' in headers["link"]
    steps = [step.partition(";")[0] for step in headers["server-timing"].split(", ")]
    assert steps == ["parse", "fetch", "transform", "encode", "work"]


def test_an_unchanged_answer_is_a_304_without_a_body(service: Running) -> None:
    for path in (f"{PHOTO}/full/200,/0/default.jpg", f"{present(service)}/info.json"):
        etag = service.get(path)[1]["etag"]
        weak = f"W/{etag.removeprefix('W/')}"
        for known in (etag, f'"other", {weak}'):
            status, headers, body = service.get(path, **{"If-None-Match": known})
            assert (status, body, headers["etag"]) == (304, b"", etag), known
        assert service.get(path, **{"If-None-Match": '"other"'})[0] == 200


def test_an_answer_for_an_address_with_a_version_is_cached_for_longer(service: Running) -> None:
    for rest in ("full/300,/0/default.webp", "info.json"):
        status, headers, _ = service.get(f"{present(service)}/{rest}")
        assert (status, headers["cache-control"]) == (200, "public, max-age=3600")


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/iiif/3/none.jpg/info.json", 404, "no image with this name"),
        ("/iiif/3/..%2F..%2Fetc%2Fpasswd/info.json", 404, "no image with this name"),
        ("/iiif/3/%2Fetc%2Fpasswd/info.json", 404, "no image with this name"),
        ("/iiif/3/notes.jpg/full/max/0/default.jpg", 422, "not an image"),
        (f"{PHOTO}/full/9000,/0/default.jpg", 400, "put ^ before"),
        ("/other", 404, "Images are under"),
    ],
)
def test_a_refusal_says_why_in_one_line_and_is_not_cached(
    service: Running, path: str, status: int, says: str
) -> None:
    found, headers, body = service.get(path)
    assert (found, headers["cache-control"]) == (status, "no-store")
    assert says in body.decode()
    assert body.count(b"\n") == 1
    assert headers["access-control-allow-origin"] == "*"


def test_a_key_with_slash_space_plus_percent_and_accents_is_found(service: Running) -> None:
    key = quote("a b/é+1%.jpg", safe="")
    status, _, body = service.get(f"/iiif/3/{key}/info.json")
    assert status == 200
    assert json.loads(body)["id"] == f"{service.url}{present(service, key)}"
    assert service.get(f"/iiif/3/{key.replace('%2F', '/')}/info.json")[0] == 404


def test_the_description_is_json_ld_if_the_client_accepts_that(service: Running) -> None:
    _, headers, _ = service.get(f"{PHOTO}/info.json", Accept="application/ld+json")
    assert headers["content-type"].startswith("application/ld+json")
    assert headers["vary"] == "Accept"
    assert service.get(f"{PHOTO}/info.json")[1]["content-type"] == "application/json"


def test_each_request_is_a_line_in_the_log_with_its_steps(service: Running) -> None:
    service.get(f"{PHOTO}/10,10,20,20/max/0/default.png")
    (line,) = [one for one in logged(service) if one["path"] == f"{PHOTO}/10,10,20,20/max/0/default.png"]
    assert line["status"] == 200
    assert {"parse", "fetch", "transform", "encode"} <= {*line["steps"]}  # type: ignore[misc]


def malformed(count: int, seed: int) -> list[str]:
    """Return malformed URLs: junk or a path traversal replaces or extends one or two parts of a valid one.

    Some have a further part at the end: a path traversal, or nothing after a slash.
    """
    chance = random.Random(seed)
    right = [SQUARES, "0,0,100,100", "50,", "0", "default.jpg"]
    traversal = [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "%252e%252e%252f",
        "....//",
        "\\..\\",
        "%c0%ae%c0%ae",
    ]
    junk = [
        "%00",
        "%0d%0aX: 1",
        "9" * 400,
        "-1",
        "1e9",
        "NaN",
        "%2F",
        "%ff%fe",
        "a%2Fb",
        "'",
        "<script>",
        "{}",
        "%",
        "%zz",
    ]
    paths = []
    for _ in range(count):
        parts = list(right)
        for at in chance.sample(range(5), chance.choice([1, 1, 2])):
            bad = chance.choice([*traversal, *junk])
            parts[at] = chance.choice(
                [bad, f"{parts[at]}{bad}", f"{bad}{parts[at]}", f"{bad},{bad},{bad},{bad}"]
            )
        extra = chance.choice([[], [], [], [chance.choice(traversal)], [""]])
        paths.append("/iiif/3/" + "/".join([*parts, *extra]).replace(" ", "%20"))
    return paths


def test_two_thousand_malformed_urls_are_refused_with_a_reason_and_decode_nothing(service: Running) -> None:
    before = len(logged(service))
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)) as connection:
        for path in malformed(2000, seed=20261124):
            connection.putrequest("GET", path)
            connection.endheaders()
            answer = connection.getresponse()
            body = answer.read().strip()
            assert 400 <= answer.status < 500, (path, answer.status)
            assert body, path
            assert b"\n" not in body, path
    assert not [one for one in logged(service)[before:] if "transform" in one["steps"]]  # type: ignore[operator]


def test_head_has_no_body_and_other_methods_are_refused(service: Running) -> None:
    request = urllib.request.Request(f"{service.url}{PHOTO}/full/100,/0/default.jpg", method="HEAD")
    with urllib.request.urlopen(request) as answer:
        assert (answer.status, answer.read()) == (200, b"")
        assert answer.headers["content-length"] is None
    request = urllib.request.Request(f"{service.url}{PHOTO}/info.json", method="DELETE")
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(request)
