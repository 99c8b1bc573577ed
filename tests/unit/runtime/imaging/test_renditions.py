"""Renditions of an image: sizes, orientation, colours, and none of its metadata."""

import re
import struct
from typing import TYPE_CHECKING, Any

import pytest
import pyvips

from runtime.imaging.limits import Limits
from runtime.imaging.renditions import Rendered, as_jpeg, render, scale
from runtime.rejection import Reason, Rejected
from tests.support.images import BLUE, GREEN, RED, WHITE, colour_at, corners, decode, encode, header_of, noise

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = Limits()
PLACES = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]


def rendered(data: bytes, *long_edges: int) -> Rendered:
    return render(data, header_of(data), LIMITS, long_edges or (1600, 800, 320))


def assert_corners(data: bytes, tolerance: int = 12) -> None:
    image = decode(data)
    for place, colour in zip(PLACES, (RED, GREEN, BLUE, WHITE), strict=True):
        assert colour_at(image, *place)[:3] == pytest.approx(colour, abs=tolerance), place


def test_a_photo_becomes_three_webp_renditions_by_its_long_edge() -> None:
    made = rendered(encode(corners(2400, 1600), ".jpg")).renditions
    assert [(one.long_edge, one.width, one.height) for one in made] == [
        (1600, 1600, 1067),
        (800, 800, 534),
        (320, 320, 213),
    ]
    for one in made:
        image = decode(one.data)
        assert image.get("vips-loader") == "webpload_buffer"
        assert (image.width, image.height) == (one.width, one.height)


def test_a_small_photo_is_never_enlarged() -> None:
    made = rendered(encode(corners(400, 300), ".jpg")).renditions
    assert [(one.width, one.height) for one in made] == [(400, 300), (400, 300), (320, 240)]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".tif", ".avif"])
def test_every_format_keeps_its_colours(suffix: str) -> None:
    assert_corners(rendered(encode(corners(), suffix)).renditions[0].data)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(orientation: int) -> None:
    # What a camera held that way would have stored: the inverse of what the orientation asks for.
    undo: dict[int, Callable[[Any], Any]] = {
        1: lambda image: image,
        2: lambda image: image.fliphor(),
        3: lambda image: image.rot180(),
        4: lambda image: image.flipver(),
        5: lambda image: image.rot90().fliphor(),
        6: lambda image: image.rot270(),
        7: lambda image: image.rot270().fliphor(),
        8: lambda image: image.rot90(),
    }
    made = rendered(encode(undo[orientation](corners(600, 400)), ".jpg", orientation=orientation)).renditions[
        0
    ]
    assert (made.width, made.height) == (600, 400)
    assert_corners(made.data)


def test_display_p3_is_converted_and_not_just_stripped() -> None:
    stored = corners().icc_transform("p3", input_profile="srgb")
    assert colour_at(stored, 0.25, 0.25) != pytest.approx(RED, abs=15)
    assert_corners(rendered(encode(stored, ".jpg")).renditions[0].data, tolerance=15)


@pytest.mark.parametrize("with_profile", [True, False])
def test_cmyk_becomes_rgb_that_looks_the_same(with_profile: bool) -> None:
    stored = corners().icc_transform("cmyk", input_profile="srgb")
    expected = stored.icc_transform("srgb")
    if not with_profile:
        stored.remove("icc-profile-data")
    image = decode(rendered(encode(stored, ".jpg")).renditions[0].data)
    assert image.bands == 3
    for place in PLACES:
        assert colour_at(image, *place) == pytest.approx(colour_at(expected, *place), abs=12)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_become_eight(suffix: str) -> None:
    stored = (corners().cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")
    data = encode(stored, suffix)
    assert decode(data).format == "ushort"
    assert_corners(rendered(data).renditions[0].data)


def test_alpha_is_kept() -> None:
    made = rendered(encode(corners().bandjoin(100), ".png")).renditions
    for one in made:
        image = decode(one.data)
        assert image.bands == 4
        assert colour_at(image, 0.5, 0.5)[3] == pytest.approx(100, abs=2)


def test_reducing_keeps_a_colour_under_alpha_to_the_last_bit() -> None:
    plain = pyvips.Image.black(64, 64).new_from_image([101, 53, 7, 100]).copy(interpretation="srgb")
    data = encode(plain, ".png")
    assert colour_at(scale(data, header_of(data), LIMITS, (64, 32))[1], 0.5, 0.5) == (101, 53, 7, 100)


def test_grey_stays_grey() -> None:
    image = decode(rendered(encode(corners().colourspace("b-w"), ".png")).renditions[0].data)
    red, green, blue = colour_at(image, 0.25, 0.25)
    assert red == pytest.approx(green, abs=2) == pytest.approx(blue, abs=2)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_an_animation_gives_its_first_frame(suffix: str) -> None:
    frames = pyvips.Image.arrayjoin([corners(), corners().invert()], across=1)
    frames = frames.copy()
    frames.set_type(pyvips.GValue.gint_type, "page-height", 400)
    data = encode(frames, suffix)
    assert decode(data).get("n-pages") == 2
    made = rendered(data).renditions[0]
    assert (made.width, made.height) == (600, 400)
    assert_corners(made.data)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_gps_and_other_metadata_never_reach_a_rendition(suffix: str) -> None:
    image = corners().icc_transform("srgb", input_profile="srgb")
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd3-GPSLatitude", "52/1 31/1 12/1 (52, Rational, 3, 24)")
    image.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x:xmpmeta>SECRETPLACE</x:xmpmeta>")
    data = encode(image, suffix)
    assert {"xmp-data", "icc-profile-data"} <= set(decode(data).get_fields())
    for one in rendered(data).renditions:
        assert not re.search("exif|xmp|icc|iptc", " ".join(decode(one.data).get_fields()))
        assert b"SECRETPLACE" not in one.data


def test_the_thumbnail_that_a_camera_embeds_goes_too() -> None:
    image = corners().copy()
    image.set_type(pyvips.GValue.blob_type, "jpeg-thumbnail-data", encode(noise(160, 120), ".jpg"))
    data = encode(image, ".jpg")
    assert "jpeg-thumbnail-data" in decode(data).get_fields()
    assert "jpeg-thumbnail-data" not in decode(rendered(data).renditions[0].data).get_fields()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".tif", ".avif"])
def test_a_truncated_file_is_rejected(suffix: str, share: float) -> None:
    data = encode(noise(400, 300), suffix)
    cut = data[: int(len(data) * share)]
    with pytest.raises(Rejected) as refused:
        rendered(cut)
    assert refused.value.reason == Reason.TRUNCATED
    assert "Upload it again" in refused.value.message


@pytest.mark.parametrize("missing", [1, 500, 3000])
def test_a_tiff_with_its_directory_first_is_rejected_when_it_ends_early(missing: int) -> None:
    """libvips writes the directory last; cameras and scanners often write it first: truncation spares it."""
    width, height, start = 64, 48, 8 + 2 + 9 * 12 + 4
    tags = {
        256: width,
        257: height,
        258: 8,
        259: 1,
        262: 1,
        273: start,
        277: 1,
        278: height,
        279: width * height,
    }
    directory = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags.items())
    data = b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + bytes(4) + bytes(range(256)) * 12
    assert decode(rendered(data).renditions[0].data).width == width
    with pytest.raises(Rejected) as refused:
        rendered(data[:-missing])
    assert refused.value.reason == Reason.TRUNCATED


def test_a_damaged_file_is_rejected_without_saying_that_it_is_short() -> None:
    data = bytearray(encode(noise(400, 300), ".png"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(Rejected) as refused:
        rendered(bytes(data))
    assert refused.value.reason == Reason.DAMAGED
    assert "damaged, or of a rare kind" in refused.value.message


def test_a_header_that_was_forged_to_look_small_does_not_get_past_the_limit() -> None:
    data = encode(corners(3000, 2000), ".jpg")
    header = header_of(encode(corners(30, 20), ".jpg"))
    with pytest.raises(Rejected) as refused:
        render(data, header, Limits(max_pixels=1000))
    assert refused.value.reason == Reason.TOO_MANY_PIXELS


def test_a_loader_that_is_not_allowed_cannot_be_reached() -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'
    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_buffer(svg, "")


def test_a_rendition_as_jpeg_has_white_behind_it() -> None:
    webp = rendered(encode(corners().bandjoin(0), ".png")).renditions[0].data
    image = decode(as_jpeg(webp))
    assert image.get("vips-loader") == "jpegload_buffer"
    assert colour_at(image, 0.25, 0.25) == pytest.approx((255, 255, 255), abs=3)
