"""Tile pyramids: every path that a viewer requests, the right pixels in each, and failures."""

import json
import math
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.deadline import DeadlineExceededError
from runtime.imaging.engine import decoding
from runtime.imaging.formats import Format
from runtime.imaging.limits import Limits
from runtime.imaging.probe import probe_bytes
from runtime.imaging.pyramid import describe, paths, write_pyramid
from runtime.imaging.tiles import TILE, count_of_tiles
from runtime.imaging.transform import Encoding
from runtime.imaging.zipstream import StoredZip
from runtime.rejection import Reason, Rejected
from tests.support.images import encode, noise

WIDTH, HEIGHT = 1101, 777
ADDRESS = "https://images.example.com/a"


def photo() -> pyvips.Image:
    """Return a photo in which no two parts look alike: red grows to the right, green downwards; some blue."""
    xy = pyvips.Image.xyz(WIDTH, HEIGHT)
    red, green = xy[0] * 255 / WIDTH, xy[1] * 255 / HEIGHT
    return red.bandjoin([green, red * 0 + 60]).cast("uchar").copy(interpretation="srgb")


def tree(tmp_path: Path, data: bytes, encoding: Encoding = Encoding.JPG, **named: Any) -> dict[str, bytes]:
    file = tmp_path / "image"
    file.write_bytes(data)
    found: dict[str, bytes] = {}
    write_pyramid(
        file,
        probe_bytes(data),
        Limits(),
        address=ADDRESS,
        store=found.__setitem__,
        encoding=encoding,
        **named,
    )
    return found


def together(found: dict[str, bytes], encoding: Encoding = Encoding.JPG) -> pyvips.Image:
    """Return the image that the tiles of the finest level show."""
    image = pyvips.Image.black(WIDTH, HEIGHT, bands=3)
    for top in range(0, HEIGHT, TILE):
        for left in range(0, WIDTH, TILE):
            across, down = min(512, WIDTH - left), min(512, HEIGHT - top)
            path = f"{left},{top},{across},{down}/{across},{down}/0/default.{encoding}"
            image = image.insert(pyvips.Image.new_from_buffer(found[path], ""), left, top)
    return image


def turned(orientation: int) -> bytes:
    """Return the photo stored so that its EXIF orientation makes it upright again."""
    back = {2: "fliphor", 3: "rot180", 4: "flipver", 5: "rot90", 6: "rot270", 7: "rot270", 8: "rot90"}[
        orientation
    ]
    stored = getattr(photo(), back)()
    stored = stored.fliphor() if orientation in (5, 7) else stored
    stored = stored.copy()
    stored.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return bytes(stored.jpegsave_buffer(Q=95))


KINDS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: encode(photo(), ".jpg", Q=95),
    "progressive JPEG": lambda: encode(photo(), ".jpg", Q=95, interlace=True),
    "CMYK JPEG": lambda: encode(photo().icc_export(output_profile="cmyk"), ".jpg", Q=95),
    "16-bit PNG": lambda: encode((photo() * 257).cast("ushort").copy(interpretation="rgb16"), ".png"),
    "interlaced PNG": lambda: encode(photo(), ".png", interlace=True),
    "tiled TIFF": lambda: encode(photo(), ".tif", tile=True, compression="deflate"),
    "TIFF in strips": lambda: encode(photo(), ".tif", compression="lzw"),
    "WebP": lambda: encode(photo(), ".webp", lossless=True),
    "alpha": lambda: encode(photo().bandjoin(255), ".png"),
    **{f"orientation {number}": partial(turned, number) for number in range(2, 9)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_tiles_of_any_kind_of_file_show_the_upright_picture(tmp_path: Path, kind: str) -> None:
    found = tree(tmp_path, KINDS[kind]())
    difference = (together(found) - photo()).abs()
    assert difference.avg() < (25 if kind == "CMYK JPEG" else 3), kind
    assert {*found} == {*paths(WIDTH, HEIGHT, Encoding.JPG), "info.json"}


def test_tiles_may_be_webp_and_keep_alpha(tmp_path: Path) -> None:
    found = tree(tmp_path, encode(photo().bandjoin(128), ".png"), Encoding.WEBP)
    assert {*found} == {*paths(WIDTH, HEIGHT, Encoding.WEBP), "info.json"}
    tile = pyvips.Image.new_from_buffer(found["0,0,512,512/512,512/0/default.webp"], "")
    assert (tile.bands, tile.get("vips-loader")) == (4, "webpload_buffer")


@settings(max_examples=25, deadline=None)
@given(width=st.integers(1, 3000), height=st.integers(1, 1500))
def test_every_path_of_any_size_is_there_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int
) -> None:
    data = encode(pyvips.Image.black(width, height, bands=3).copy(interpretation="srgb"), ".png")
    found = tree(tmp_path_factory.mktemp("size"), data)
    wanted = {*paths(width, height, Encoding.JPG)}
    assert {*found} == {*wanted, "info.json"}
    assert len(wanted) == count_of_tiles(width, height) + 1
    most = pyvips.Image.new_from_buffer(found["full/max/0/default.jpg"], "")
    factor = min(1, 1024 / max(width, height))
    assert abs(most.width - width * factor) <= 1
    assert abs(most.height - max(1, height * factor)) <= 1


@pytest.mark.parametrize("encoding", [Encoding.JPG, Encoding.WEBP])
@pytest.mark.parametrize(("width", "height"), [(300, 200), (700, 520), (1200, 2600), (5000, 3)])
def test_full_max_shows_the_whole_picture_as_jpeg(
    tmp_path: Path, width: int, height: int, encoding: Encoding
) -> None:
    picture = photo().resize(width / WIDTH, vscale=height / HEIGHT).bandjoin(255)
    found = tree(tmp_path, encode(picture, ".png"), encoding)
    most = pyvips.Image.new_from_buffer(found["full/max/0/default.jpg"], "")
    assert most.get("vips-loader") == "jpegload_buffer"
    wanted = picture.flatten().thumbnail_image(1024, height=1024, size="down")
    assert (most.width, most.height) == (wanted.width, wanted.height)
    assert (most - wanted).abs().avg() < (10 if height < 10 else 4)
    told = json.loads(found["info.json"]).get("maxWidth")
    assert told == (1024 if max(width, height) > 1024 else None)


def test_info_json_is_of_level_0_and_names_what_is_there(tmp_path: Path) -> None:
    info = json.loads(tree(tmp_path, KINDS["JPEG"]())["info.json"])
    assert info == describe(ADDRESS, WIDTH, HEIGHT, Encoding.JPG)
    assert (info["type"], info["profile"], info["protocol"]) == (
        "ImageService3",
        "level0",
        "http://iiif.io/api/image",
    )
    assert (info["@context"], info["id"]) == ("http://iiif.io/api/image/3/context.json", ADDRESS)
    assert (info["width"], info["height"]) == (WIDTH, HEIGHT)
    assert info["tiles"] == [{"width": 512, "height": 512, "scaleFactors": [1, 2, 4]}]
    assert info["sizes"] == [{"width": 276, "height": 195}]
    assert describe(ADDRESS, 1, 1, Encoding.WEBP)["extraFormats"] == ["webp"]


def test_progress_grows_until_it_is_1(tmp_path: Path) -> None:
    told: list[float] = []
    tree(tmp_path, KINDS["JPEG"](), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1


def test_after_its_deadline_a_pyramid_stops_and_info_json_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "image.jpg"
    file.write_bytes(KINDS["JPEG"]())
    found: dict[str, bytes] = {}
    header = probe_bytes(file.read_bytes())
    with pytest.raises(DeadlineExceededError, match="0 of 9 tiles were done in time"):
        write_pyramid(
            file, header, Limits(), address=ADDRESS, store=found.__setitem__, deadline=time.monotonic() - 1
        )
    assert "info.json" not in found


def test_an_error_that_the_store_raises_ends_the_pyramid(tmp_path: Path) -> None:
    file = tmp_path / "image.jpg"
    file.write_bytes(KINDS["JPEG"]())

    def full(path: str, data: bytes) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_pyramid(file, probe_bytes(file.read_bytes()), Limits(), address=ADDRESS, store=full)


def test_a_libvips_error_that_the_store_raises_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    file = tmp_path / "image.jpg"
    file.write_bytes(KINDS["JPEG"]())

    def fails(path: str, data: bytes) -> None:
        raise pyvips.Error("of the store")

    with pytest.raises(pyvips.Error, match="of the store"):
        write_pyramid(file, probe_bytes(file.read_bytes()), Limits(), address=ADDRESS, store=fails)


def test_a_webp_stored_turned_is_made_upright(tmp_path: Path) -> None:
    stored = photo().rot270()
    stored.set_type(pyvips.GValue.gint_type, "orientation", 6)
    found = tree(tmp_path, bytes(stored.webpsave_buffer(lossless=True)))
    assert (together(found) - photo()).abs().avg() < 3


def test_floating_point_greys_are_refused_and_not_made_black(tmp_path: Path) -> None:
    grey = (photo()[0] / 255).cast("float").copy(interpretation="b-w")
    with pytest.raises(Rejected) as rejected:
        tree(tmp_path, encode(grey, ".tif"))
    assert rejected.value.reason is Reason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[: len(data) // 2], Reason.TRUNCATED),
        (lambda data: data[:2000] + bytes(2000) + data[4000:], Reason.DAMAGED),
    ],
    ids=["truncated", "damaged"],
)
def test_a_file_that_ends_early_or_is_damaged_is_rejected(
    tmp_path: Path, damage: Callable[[bytes], bytes], reason: Reason
) -> None:
    with pytest.raises(Rejected) as rejected:
        tree(tmp_path, damage(encode(noise(1500, 1500), ".png", compression=1)))
    assert rejected.value.reason is reason


def test_more_pixels_than_the_limit_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    file = tmp_path / "image.jpg"
    file.write_bytes(KINDS["JPEG"]())
    with pytest.raises(Rejected) as rejected:
        write_pyramid(
            file,
            probe_bytes(file.read_bytes()),
            Limits(max_pixels=1000),
            address=ADDRESS,
            store=lambda *_: pytest.fail("stored"),
        )
    assert rejected.value.reason is Reason.TOO_MANY_PIXELS


class Pipe:
    """An output that cannot seek: zipfile then writes each member's sizes after its content."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)

    def flush(self) -> None:
        pass


@given(
    files=st.lists(
        st.binary(max_size=200) | st.just(b"PK\x07\x08" * 9) | st.just(b"PK\x03\x04" * 5), max_size=6
    ),
    step=st.integers(1, 64),
)
def test_a_zip_is_read_in_pieces_of_any_size(files: list[bytes], step: int) -> None:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:  # type: ignore[call-overload]
        for number, content in enumerate(files):
            archive.writestr(zipfile.ZipInfo(f"folder/{number}"), content)
    data, reader = bytes(pipe.written), StoredZip()
    found = [one for at in range(0, len(data), step) for one in reader.feed(data[at : at + step])]
    assert found == [(f"folder/{number}", content) for number, content in enumerate(files)]


def test_a_level_is_half_of_the_one_before(tmp_path: Path) -> None:
    found = tree(tmp_path, KINDS["JPEG"]())
    tile = pyvips.Image.new_from_buffer(found["0,0,1024,777/512,389/0/default.jpg"], "")
    half = photo().crop(0, 0, 1024, 777).thumbnail_image(512, height=389, size="force")
    assert (tile - half).abs().avg() < 3
    assert math.isclose(tile.width, 512)


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ("unable to copy to memory\n  vips_tracked: out of memory -- size == 231MB", MemoryError),
        ("VipsJpeg: out of memory", MemoryError),
        ("vips__thread: unable to create thread", MemoryError),
        ("write error: No space left on device", OSError),
    ],
)
def test_a_lack_of_memory_or_disk_is_never_blamed_on_the_file(said: str, raised: type[Exception]) -> None:
    with pytest.raises(raised, match="libvips had no"), decoding(b"\xff\xd8\xff", Format.JPEG):
        raise pyvips.Error("unable to call copy", said)
