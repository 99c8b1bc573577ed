"""Parts of images, scaled: the pixels are nearly the same whether one part is requested or many."""

from typing import Any

import pytest
import pyvips

from runtime.imaging.encode import encode
from runtime.imaging.limits import Limits
from runtime.imaging.opening import ready
from runtime.imaging.probe import probe_bytes
from runtime.imaging.transform import QUALITY, Colours, Encoding, Pyramid, Transform, transform, upright
from runtime.rejection import Rejected
from tests.support.images import corners, decode, noise
from tests.support.images import encode as as_file

LIMITS = Limits()
WIDTH, HEIGHT = 601, 401


def asked(
    left: int, top: int, width: int, height: int, to_width: int, to_height: int, **more: Any
) -> Transform:
    return Transform(
        left=left,
        top=top,
        width=width,
        height=height,
        to_width=to_width,
        to_height=to_height,
        **more,
    )


WHOLE = (0, 0, WIDTH, HEIGHT)


def smooth() -> pyvips.Image:
    """Return an image whose colours change evenly across it, without details that depend on scaling."""
    where = pyvips.Image.xyz(WIDTH, HEIGHT)
    return (
        where[0]
        .bandjoin([where[1], where[0] + where[1]])
        .linear([0.4, 0.6, 0.2], 0)
        .cast("uchar")
        .copy(interpretation="srgb")
    )


def difference(one: pyvips.Image, other: pyvips.Image) -> float:
    return float((one.cast("float") - other.cast("float")).abs().max())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize(
    "box",
    [
        (*WHOLE, WIDTH, HEIGHT),
        (*WHOLE, 301, 201),
        (*WHOLE, 100, 90),
        (0, 0, 512, 401, 256, 201),
        (512, 0, 89, 401, 45, 201),
        (130, 70, 333, 222, 333, 222),
        (130, 70, 333, 222, 50, 33),
        (600, 400, 1, 1, 1, 1),
        (10, 10, 20, 20, 60, 60),
    ],
)
def test_a_part_alone_looks_as_it_does_from_the_pyramid(suffix: str, box: tuple[int, ...]) -> None:
    data = as_file(smooth(), suffix)
    header = probe_bytes(data)
    wanted = asked(*box)
    alone = transform(data, header, LIMITS, wanted)
    assert (alone.width, alone.height) == box[4:]
    # Adjacent source pixels differ by at most a level: allow 3 for each that an output pixel spans, plus 4.
    assert difference(alone, Pyramid(data, header, LIMITS).transform(wanted)) <= 4 + 3 * max(1, wanted.factor)


def test_a_part_is_the_part_that_was_asked_for() -> None:
    data = as_file(smooth(), ".png")
    part = transform(data, probe_bytes(data), LIMITS, asked(100, 50, 200, 100, 200, 100))
    assert difference(part, smooth().crop(100, 50, 200, 100)) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_parts_are_of_the_upright_image(orientation: int) -> None:
    picture = corners(60, 40)
    data = as_file(picture.copy(), ".jpg", orientation=orientation)
    header = probe_bytes(data)
    width, height = upright(header)
    whole = decode(data).autorot()
    assert (width, height) == (whole.width, whole.height)
    box = asked(width // 2, height // 2, 12, 12, 12, 12)
    expected = whole.crop(width // 2, height // 2, 12, 12)
    for image in (transform(data, header, LIMITS, box), Pyramid(data, header, LIMITS).transform(box)):
        assert difference(image, expected) < 12


@pytest.mark.parametrize(
    ("degrees", "size"), [(0, (60, 40)), (90, (40, 60)), (180, (60, 40)), (270, (40, 60)), (360, (60, 40))]
)
def test_turning_by_quarters_is_clockwise_and_exact(degrees: float, size: tuple[int, int]) -> None:
    picture = corners(60, 40)
    data = as_file(picture, ".png")
    turned = transform(data, probe_bytes(data), LIMITS, asked(0, 0, 60, 40, 60, 40, degrees=degrees))
    assert (turned.width, turned.height) == size
    assert (
        difference(turned, picture.rotate(degrees) if degrees % 360 == 0 else picture.rot(f"d{degrees}")) == 0
    )


def test_an_image_is_mirrored_before_it_is_turned() -> None:
    picture = corners(60, 40)
    data = as_file(picture, ".png")
    made = transform(data, probe_bytes(data), LIMITS, asked(0, 0, 60, 40, 60, 40, degrees=90, mirror=True))
    assert difference(made, picture.fliphor().rot90()) == 0


def test_what_turning_uncovers_is_transparent_and_white_where_there_is_no_alpha() -> None:
    data = as_file(corners(60, 40), ".png")
    turned = transform(data, probe_bytes(data), LIMITS, asked(0, 0, 60, 40, 60, 40, degrees=45))
    assert turned.hasalpha()
    assert turned(0, 0)[3] == 0
    assert min(decode(encode(turned, Encoding.JPG))(0, 0)) > 245
    assert decode(encode(turned, Encoding.WEBP))(0, 0)[3] == 0


def test_grey_has_no_colour_and_bitonal_nothing_between_black_and_white() -> None:
    data = as_file(noise(60, 40), ".png")
    header = probe_bytes(data)
    grey = transform(data, header, LIMITS, asked(0, 0, 60, 40, 60, 40, colours=Colours.GRAY))
    assert grey.bands == 1
    bitonal = transform(data, header, LIMITS, asked(0, 0, 60, 40, 60, 40, colours=Colours.BITONAL))
    assert {bitonal(x, y)[0] for x in range(60) for y in range(40)} == {0, 255}


@pytest.mark.parametrize(
    "picture", [noise(512, 300), corners()[0].copy(interpretation="b-w")], ids=["sRGB", "grey"]
)
def test_a_small_jpeg_shows_what_libvips_would_have_written(picture: pyvips.Image) -> None:
    ours, theirs = (
        decode(encode(picture, Encoding.JPG)),
        decode(picture.jpegsave_buffer(Q=QUALITY, keep="none")),
    )
    assert ours.bands == theirs.bands == picture.bands
    assert difference(ours, theirs) == 0


@pytest.mark.parametrize("encoding", Encoding)
def test_every_encoding_opens_and_has_no_metadata(encoding: Encoding) -> None:
    data = as_file(corners(), ".jpg", orientation=6)
    image = transform(data, probe_bytes(data), LIMITS, asked(0, 0, 20, 20, 20, 20))
    made = decode(encode(image, encoding))
    assert (made.width, made.height) == (20, 20)
    assert not {"exif-data", "xmp-data", "icc-profile-data"} & {*made.get_fields()}


@pytest.mark.parametrize(
    "picture",
    [
        (corners()[1].cast("ushort") * 257).cast("ushort").copy(interpretation="grey16"),
        (corners().cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16"),
        corners()[1].copy(interpretation="b-w"),
        corners().bandjoin(128),
        corners()[1].bandjoin(128).copy(interpretation="b-w"),
    ],
    ids=["grey 16", "rgb 16", "grey", "alpha", "grey and alpha"],
)
@pytest.mark.parametrize("to", [(100, 100), (50, 50), (200, 200)])
def test_every_kind_of_pixel_ends_as_eight_bits_of_grey_or_srgb(
    picture: pyvips.Image, to: tuple[int, int]
) -> None:
    data = as_file(picture, ".png")
    header = probe_bytes(data)
    wanted = asked(450, 50, 100, 100, *to)
    for image in (transform(data, header, LIMITS, wanted), Pyramid(data, header, LIMITS).transform(wanted)):
        assert (image.format, image.interpretation in ("srgb", "b-w")) == ("uchar", True)
        assert image.hasalpha() is picture.hasalpha()
        green = image(to[0] // 2, to[1] // 2)[1 if image.bands >= 3 else 0]
        assert abs(green - 200) <= 3


def test_tiles_of_a_level_fit_together() -> None:
    data = as_file(smooth(), ".png")
    pyramid = Pyramid(data, probe_bytes(data), LIMITS)
    half = pyramid.transform(asked(*WHOLE, 301, 201))
    left = pyramid.transform(asked(0, 0, 256, 401, 128, 201))
    right = pyramid.transform(asked(256, 0, 345, 401, 173, 201))
    assert difference(left.join(right, "horizontal"), half) == 0


def test_the_half_of_an_odd_width_is_exactly_a_half() -> None:
    edge = pyvips.Image.black(512, 301).embed(0, 0, 1025, 301, extend="background", background=[255])
    data = as_file(edge.bandjoin([edge, edge]).copy(interpretation="srgb"), ".png")
    half = Pyramid(data, probe_bytes(data), LIMITS).transform(asked(0, 0, 1025, 301, 513, 151))
    assert max(half(255, 75)) < 30
    assert min(half(256, 75)) > 225


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
@pytest.mark.parametrize("degrees", [90, 180, 45])
def test_a_large_image_is_turned_too(suffix: str, degrees: float) -> None:
    size = (4100, 4000) if suffix == ".jpg" else (900, 700)
    data = as_file(corners(*size), suffix)
    made = transform(data, probe_bytes(data), LIMITS, asked(0, 0, *size, *size, degrees=degrees))
    assert made.width >= min(size)


def test_a_file_with_too_many_channels_is_refused() -> None:
    data = as_file(pyvips.Image.black(60, 40, bands=21), ".tif")
    with pytest.raises(Rejected, match="21 channels"):
        Pyramid(data, probe_bytes(data), LIMITS)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_a_file_of_any_format_and_orientation_is_shown_upright(suffix: str, orientation: int) -> None:
    picture = corners(60, 40)
    data = as_file(picture, suffix, orientation=orientation)
    data, header = ready(data, probe_bytes(data), LIMITS)
    width, height = upright(header)
    turned = picture.copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    wanted = turned.autorot()
    assert (width, height) == (wanted.width, wanted.height)
    found = transform(data, header, LIMITS, asked(0, 0, width, height, width, height))
    assert (found - wanted).abs().avg() < 6


def test_a_file_that_ends_early_is_rejected_with_and_without_a_pyramid() -> None:
    data = as_file(noise(300, 200), ".jpg")[:-3000]
    header = probe_bytes(data)
    with pytest.raises(Rejected, match="ends before"):
        transform(data, header, LIMITS, asked(0, 0, 300, 200, 300, 200))
    with pytest.raises(Rejected, match="ends before"):
        Pyramid(data, header, LIMITS)
