"""The IIIF service as a function: a process serves many events, and ends after one past its deadline."""

import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pyvips

from lambda_src.iiif.limits import MAX_ANSWER_BYTES
from lambda_src.iiif.viewer import PREFIX, viewers_path
from stacks.imports import closure
from tests.support import slow_iiif
from tests.support.function_url import HOST, event
from tests.support.images import encode, noise
from tests.support.lambda_runtime import Runtime, runtime

ROOT = Path(__file__).parents[4]
KEYS = ("a.jpg", "a b+c.jpg", "folder/é %2F.jpg", "日本/図.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("images")
    for key in KEYS:
        (made / key).parent.mkdir(exist_ok=True)
        (made / key).write_bytes(encode(noise(400, 300), Path(key).suffix))
    (made / "large.png").write_bytes(encode(noise(2600, 2000), ".png"))
    return made


@pytest.fixture(scope="module")
def function(folder: Path) -> Iterator[Runtime]:
    told = {
        "SOURCE_FOLDER": str(folder),
        "TRUST_FORWARDED_HOST": "on",
        "MAX_ANSWER_BYTES": str(MAX_ANSWER_BYTES),
    }
    with runtime(slow_iiif.__name__, **told, DEADLINE_SECONDS="8", WORKERS="1") as made:
        yield made


def body_of(answer: dict[str, Any]) -> bytes:
    body = answer.get("body", "")
    return base64.b64decode(body) if answer["isBase64Encoded"] else str(body).encode()


def image(key: str, width: int, ending: str = "jpg") -> str:
    return f"/iiif/3/{quote(key, safe='')}/full/{width},/0/default.{ending}"


def test_of_a_hundred_events_only_the_one_past_its_deadline_ends_the_process(function: Runtime) -> None:
    for number in range(100):
        key = KEYS[number % len(KEYS)]
        if number == 50:
            answer = function.invoke(event(image(key, 13)))
            assert answer["statusCode"] == 503
            assert "8 s" in body_of(answer).decode()
            assert function.wait_for_its_end() == 0, "no thread is left to wake in the next request"
            continue
        width = 20 + number
        answer = function.invoke(event(image(key, width)))
        assert answer["statusCode"] == 200, body_of(answer)
        assert answer["headers"]["content-type"] == "image/jpeg"
        assert pyvips.Image.new_from_buffer(body_of(answer), "").width == width
    assert function.starts == 2


@pytest.mark.parametrize("key", KEYS)
def test_the_id_of_an_image_is_the_identifier_that_the_viewer_wrote(function: Runtime, key: str) -> None:
    answer = function.invoke(event(f"/iiif/3/{quote(key, safe='')}/info.json"))
    assert answer["statusCode"] == 302
    described = function.invoke(event(answer["headers"]["location"]))
    document = json.loads(body_of(described))
    assert document["id"].startswith(f"https://{HOST}/iiif/3@")
    assert document["id"].endswith(f"/{quote(key, safe='~')}")
    assert document["width"] == 400


def test_a_path_that_cloudfront_has_not_rewritten_is_taken_as_it_is(function: Runtime) -> None:
    assert function.invoke(event(image("a.jpg", 50), rewritten=False))["statusCode"] == 200
    assert function.invoke(event("/nothing", rewritten=False))["statusCode"] == 404


@pytest.mark.parametrize("path", [f"{PREFIX}!!!", f"{PREFIX}gICA", f"{PREFIX}a", f"{PREFIX}é", "/i", "/live"])
def test_a_path_that_encodes_no_viewers_path_stays_as_it_is(path: str) -> None:
    assert viewers_path(path) == path


def test_an_answer_over_the_limit_is_refused_with_what_to_ask_instead(function: Runtime) -> None:
    answer = function.invoke(event(image("large.png", 1600, "png")))
    assert answer["statusCode"] == 400
    assert "4,700,000 bytes" in body_of(answer).decode()
    assert "or for jpg" in body_of(answer).decode()
    assert function.invoke(event(image("large.png", 1600, "jpg")))["statusCode"] == 200
    for ending in ("jpg", "png", "webp"):
        answer = function.invoke(event(image("large.png", 2600, ending)))
        assert answer["statusCode"] == 400
        assert "jpg" not in body_of(answer).decode()
    assert function.invoke(event(image("large.png", 1000, "png")))["statusCode"] == 200


@pytest.fixture
def patient(folder: Path) -> Iterator[Runtime]:
    """Yield the service with a deadline that not even a busy machine misses."""
    told = {
        "SOURCE_FOLDER": str(folder),
        "MAX_ANSWER_BYTES": str(MAX_ANSWER_BYTES),
        "DEADLINE_SECONDS": "600",
    }
    with runtime("lambda_src.iiif.handler", **told) as made:
        yield made


@pytest.mark.slow
def test_no_answer_to_two_thousand_seeded_requests_is_over_lambdas_limit(patient: Runtime) -> None:
    """A larger answer would become a 502. The limit is 6 MB:
    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    chosen, statuses = random.Random(23), dict[int, int]()
    for _ in range(2000):
        key, ending = chosen.choice((*KEYS, "large.png", "missing")), chosen.choice(("jpg", "png", "webp"))
        sizes = ("max", "^max", f"{chosen.randint(20, 2600)},", f"^{chosen.randint(20, 5000)},")
        (size,) = chosen.choices(sizes, weights=(2, 1, 12, 1))  # large ones take long, refused or not
        rotation = chosen.choice(("0", "90", "!0", "22.5"))
        region = chosen.choice(("full", "square", "pct:10,10,50,50", "0,0,256,256"))
        path = f"/iiif/3/{quote(key, safe='')}/{region}/{size}/{rotation}/default.{ending}"
        answer = patient.invoke(event(path))
        statuses[answer["statusCode"]] = statuses.get(answer["statusCode"], 0) + 1
        assert len(json.dumps(answer)) < 6 * 1024 * 1024
        assert answer["statusCode"] < 500, (path, body_of(answer))
    assert statuses[200] > 500
    print(f"2,000 requests by status: {statuses}")


def test_the_service_does_not_know_that_it_is_a_function() -> None:
    words = ("lambda_src", "mangum", "aws_lambda")
    files = [file for file in closure("container.service") if file.suffix == ".py"]
    assert len(files) > 10
    assert not [file for file in files if any(word in file.read_text().lower() for word in words)]
    lines = sum(len(file.read_text().splitlines()) for file in (ROOT / "lambda_src" / "iiif").glob("*.py"))
    assert lines <= 100
