"""The grammar and geometry of the IIIF Image API, without a server."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.service.errors import BadRequestError, NotFoundError
from container.service.geometry import Sizes, canonical, is_tile, place
from container.service.info import describe
from container.service.request import BaseRequest, ImageRequest, InfoRequest, parse, path_of
from runtime.imaging.tiles import scale_factors
from runtime.imaging.transform import Colours, Encoding
from tests.support.keys import KEYS

WIDTH, HEIGHT = 3000, 2000
SIZES = Sizes()


def image(path: str) -> ImageRequest:
    asked = parse(f"/iiif/3/{path}")
    assert isinstance(asked, ImageRequest)
    return asked


def placed(path: str, sizes: Sizes = SIZES) -> tuple[tuple[int, int, int, int], tuple[int, int]]:
    found = place(image(f"a/{path}/0/default.jpg"), WIDTH, HEIGHT, sizes)
    return (found.left, found.top, found.width, found.height), (found.to_width, found.to_height)


@given(KEYS.filter(lambda key: not any(ord(letter) < 32 or ord(letter) == 127 for letter in key)))
def test_every_key_is_found_by_its_identifier(key: str) -> None:
    for version in ("", "0123456789abcdef"):
        assert parse(path_of(key, version)) == BaseRequest(key=key, version=version)
        assert parse(f"{path_of(key, version)}/info.json") == InfoRequest(key=key, version=version)


def test_a_key_is_decoded_once() -> None:
    assert image("a%252Fb+c%20d%2F%C3%A9/full/max/0/default.jpg").key == "a%2Fb+c d/é"


def test_each_part_of_an_image_request_is_parsed() -> None:
    asked = image("a/pct:10,20,30.5,40/%5E!50,60/!22.5/gray.webp")
    assert (asked.region.kind, asked.region.box) == ("pct", (10, 20, 30.5, 40))
    assert (asked.size.kind, asked.size.enlarge, asked.size.width, asked.size.height) == ("fit", True, 50, 60)
    assert (asked.mirror, asked.degrees, asked.colours, asked.encoding) == (
        True,
        22.5,
        Colours.GRAY,
        Encoding.WEBP,
    )


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("a/0,0,0,5/max/0/default.jpg", "0 have no pixels"),
        ("a/-1,0,5,5/max/0/default.jpg", "Region '-1,0,5,5'"),
        ("a/full/full/0/default.jpg", "Size 'full'"),
        ("a/full/,/0/default.jpg", "Size ','"),
        ("a/full/!5,/0/default.jpg", "Size '!5,'"),
        ("a/full/max/361/default.jpg", "Rotation '361'"),
        ("a/full/max/-1/default.jpg", "Rotation '-1'"),
        ("a/full/max/0/native.jpg", "Quality 'native'"),
        ("a/full/max/0/default.gif", "Format 'gif'"),
        ("a/full/max/0/default", "Format ''"),
        ("a/fu%2Fll/max/0/default.jpg", "%2F stands for a slash"),
        ("a%00/full/max/0/default.jpg", "control characters"),
        ("%ff/info.json", "not UTF-8"),
        ("a" * 1025, "over 1,024 bytes"),
    ],
)
def test_a_wrong_url_is_refused_with_what_is_wrong(path: str, says: str) -> None:
    with pytest.raises(BadRequestError) as error:
        parse(f"/iiif/3/{path}")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "path", ["/", "/iiif/2/a/info.json", "/iiif/3/", "/iiif/3/a/b/info.json", "/iiif/3/a/b/c/d/e/f"]
)
def test_other_paths_are_not_found(path: str) -> None:
    with pytest.raises(NotFoundError):
        parse(path)


@pytest.mark.parametrize(
    ("path", "box", "size"),
    [
        ("full/max", (0, 0, 3000, 2000), (3000, 2000)),
        ("square/max", (500, 0, 2000, 2000), (2000, 2000)),
        ("10,20,300,400/max", (10, 20, 300, 400), (300, 400)),
        ("2900,1900,300,400/max", (2900, 1900, 100, 100), (100, 100)),
        ("pct:50,50,50,50/max", (1500, 1000, 1500, 1000), (1500, 1000)),
        ("full/300,", (0, 0, 3000, 2000), (300, 200)),
        ("full/,300", (0, 0, 3000, 2000), (450, 300)),
        ("full/300,300", (0, 0, 3000, 2000), (300, 300)),
        ("full/!300,300", (0, 0, 3000, 2000), (300, 200)),
        ("full/!4000,4000", (0, 0, 3000, 2000), (3000, 2000)),
        ("0,0,60,40/!120,120", (0, 0, 60, 40), (60, 40)),
        ("0,0,3000,1/!10,10", (0, 0, 3000, 1), (10, 1)),
        ("0,0,1,2000/^!4000,4000", (0, 0, 1, 2000), (2, 4000)),
        ("full/^!9000,9000", (0, 0, 3000, 2000), (5476, 3651)),
        ("full/pct:10", (0, 0, 3000, 2000), (300, 200)),
        ("0,0,100,100/^200,", (0, 0, 100, 100), (200, 200)),
        ("0,0,3000,1/3,", (0, 0, 3000, 1), (3, 1)),
        ("pct:99.99,99.99,0.001,0.001/max", (2999, 1999, 1, 1), (1, 1)),
    ],
)
def test_regions_and_sizes_are_computed_in_pixels(
    path: str, box: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    assert placed(path) == (box, size)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("3000,0,10,10/max", "outside the image"),
        ("full/3001,", "put ^ before"),
        ("0,0,10,10/11,11", "put ^ before"),
        ("full/pct:101", "put ^ before"),
        ("full/4000,", "put ^ before"),
        ("full/^6001,", "too large"),
        ("full/0,", "no pixels"),
    ],
)
def test_a_region_or_size_that_the_image_does_not_have_is_refused(path: str, says: str) -> None:
    with pytest.raises(BadRequestError, match=says.replace("^", r"\^")):
        placed(path)


@pytest.mark.parametrize(("size", "degrees"), [("^5000,", 45), ("^6000,1600", 45), ("^6000,3000", 10)])
def test_an_image_that_exceeds_the_limit_once_rotated_is_refused(size: str, degrees: int) -> None:
    with pytest.raises(BadRequestError, match="more than 20,000,000 pixels"):
        place(image(f"a/full/{size}/{degrees}/default.jpg"), WIDTH, HEIGHT, SIZES)
    assert place(image(f"a/full/{size}/90/default.jpg"), WIDTH, HEIGHT, SIZES).degrees == 90


def test_max_keeps_within_the_limits() -> None:
    assert placed("full/max", Sizes(max_width=1500))[1] == (1500, 1000)
    width, height = placed("full/max", Sizes(max_area=1_000_000))[1]
    assert 990_000 < width * height <= 1_000_000


def test_if_sizes_are_configured_only_these_and_tiles_are_allowed() -> None:
    sizes = Sizes(presets=("300,", "!400,400"))
    for path in (
        "full/300,",
        "square/300,",
        "full/300,200",
        "full/!400,400",
        "0,0,512,512/512,512",
        "2560,1536,440,464/440,464",
    ):
        placed(path, sizes)
    for path in ("full/301,", "0,0,300,300/300,", "0,0,512,512/511,511", "1,0,512,512/512,512"):
        with pytest.raises(BadRequestError, match="300, or !400,400"):
            placed(path, sizes)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("full/max/0/color.jpg", "full/max/0/default.jpg"),
        ("0,0,3000,2000/3000,/360/default.jpg", "full/max/360/default.jpg"),
        ("pct:0,0,50,50/500,/!22.50/gray.png", "0,0,1500,1000/500,333/!22.5/gray.png"),
        ("0,0,100,100/^200,200/0/default.webp", "0,0,100,100/^200,200/0/default.webp"),
    ],
)
def test_every_image_has_one_canonical_address(path: str, expected: str) -> None:
    asked = image(f"a%2Fb/{path}")
    found = canonical(asked, place(asked, WIDTH, HEIGHT, SIZES), WIDTH, HEIGHT, SIZES)
    assert found == f"/iiif/3/a%2Fb/{expected}"
    again = parse(found)
    assert isinstance(again, ImageRequest)
    assert place(again, WIDTH, HEIGHT, SIZES) == place(asked, WIDTH, HEIGHT, SIZES)


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.randoms(use_true_random=False))
def test_each_tile_that_info_json_describes_counts_as_a_tile(
    width: int, height: int, chance: random.Random
) -> None:
    factor = chance.choice(scale_factors(width, height))
    side = 512 * factor
    left, top = chance.randrange(-(-width // side)) * side, chance.randrange(-(-height // side)) * side
    across, down = min(side, width - left), min(side, height - top)
    path = f"a/{left},{top},{across},{down}/{-(-across // factor)},{-(-down // factor)}/0/default.jpg"
    assert is_tile(place(image(path), width, height, Sizes(max_width=20_000, max_area=10**9)), width, height)


def test_the_description_tells_of_sizes_tiles_and_limits() -> None:
    address = f"https://d.example{path_of('a/é b.jpg', '0123456789abcdef')}"
    info = describe(address, WIDTH, HEIGHT, Sizes(max_width=2000), tuple(Encoding))
    assert info["id"] == "https://d.example/iiif/3@0123456789abcdef/a%2F%C3%A9%20b.jpg"
    assert (info["profile"], info["width"], info["height"]) == ("level2", 3000, 2000)
    assert (info["maxWidth"], info["maxArea"]) == (2000, 20_000_000)
    assert info["sizes"] == [
        {"width": 375, "height": 250},
        {"width": 750, "height": 500},
        {"width": 1500, "height": 1000},
    ]
    assert info["tiles"] == [{"width": 512, "height": 512, "scaleFactors": [1, 2, 4, 8]}]
    assert info["extraFormats"] == ["webp"]


ALPHABET = string.ascii_letters + string.digits + ",.:^!%/-_~ é\0?#&=+\\'\""


@given(st.text(st.sampled_from(ALPHABET), max_size=60))
def test_any_path_is_a_request_or_an_error_of_one_line(path: str) -> None:
    reason = ""
    try:
        asked = parse(f"/iiif/3/{path}")
        if isinstance(asked, ImageRequest):
            place(asked, WIDTH, HEIGHT, SIZES)
    except (BadRequestError, NotFoundError) as error:
        reason = str(error)
    assert "\n" not in reason
