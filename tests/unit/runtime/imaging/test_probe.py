"""What is read from a header, and how a file without a usable header is refused."""

import contextlib
import struct
import time
from typing import Any

import pytest

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.limits import Limits
from runtime.imaging.probe import check_pixels, probe, probe_bytes
from runtime.rejection import Reason, Rejected, check_bytes
from tests.support.images import corners, encode

RGB = {"bands": 3}
STRIPS = {**RGB, "block_rows": 402}
TILES = {**RGB, "tiled": True, "pages": 2, "block_rows": 128}
KINDS = [
    (".jpg", {}, Format.JPEG, {**RGB, "samples": 1.5}),
    (".jpg", {"interlace": True}, Format.JPEG, {**RGB, "samples": 1.5, "progressive": True}),
    (".jpg", {"subsample_mode": "off"}, Format.JPEG, {**RGB, "samples": 3}),
    (".png", {}, Format.PNG, RGB),
    (".png", {"interlace": True}, Format.PNG, {**RGB, "progressive": True}),
    (".png", {"palette": True}, Format.PNG, RGB),
    (".png", {"bitdepth": 16}, Format.PNG, {**RGB, "bits": 16}),
    (".webp", {}, Format.WEBP, RGB),
    (".webp", {"lossless": True}, Format.WEBP, RGB),
    (".gif", {}, Format.GIF, {}),
    (".tif", {"tile_height": 402}, Format.TIFF, STRIPS),
    (".tif", {"tile": True, "pyramid": True}, Format.TIFF, TILES),
    (".tif", {"bigtiff": True, "tile_height": 402}, Format.TIFF, STRIPS),
    (".avif", {"effort": 0}, Format.AVIF, RGB),
    (".avif", {"effort": 0, "bitdepth": 10}, Format.AVIF, {**RGB, "bits": 16}),
]


@pytest.mark.parametrize(("suffix", "options", "image_format", "more"), KINDS)
def test_each_format_is_told_by_its_bytes(
    suffix: str, options: dict[str, Any], image_format: Format, more: dict[str, Any]
) -> None:
    data = encode(corners(600, 402), suffix, **options)
    assert probe_bytes(data) == Header(format=image_format, width=600, height=402, **more)


def test_a_jpeg_with_a_scan_for_each_channel_counts_as_progressive() -> None:
    data = encode(corners(), ".jpg")
    scan = data.index(b"\xff\xda")
    assert data[scan + 4] == 3
    assert not probe_bytes(data).progressive
    assert probe_bytes(data[: scan + 4] + b"\x01" + data[scan + 5 :]).progressive
    assert not probe_bytes(data[: scan + 2]).progressive


def test_a_bigtiff_whose_directory_lies_outside_the_file_is_rejected() -> None:
    with pytest.raises(Rejected):
        probe_bytes(b"II+\0\x08\0\0\0" + b"\xff" * 8)


def test_planes_bits_and_bands_of_a_tiff_are_read() -> None:
    header = probe_bytes(encode(corners(), ".tif"))
    assert (header.planar, header.bits, header.bands) == (False, 8, 3)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif"])
def test_alpha_counts_as_a_band(suffix: str) -> None:
    for options in ({}, {"lossless": True}) if suffix == ".webp" else ({},):
        assert probe_bytes(encode(corners().bandjoin(128), suffix, **options)).bands == 4


def test_grey_cmyk_and_sixteen_bits_are_recognised() -> None:
    grey = corners().colourspace("b-w")
    assert probe_bytes(encode(grey, ".jpg")).bands == probe_bytes(encode(grey, ".png")).bands == 1
    assert probe_bytes(encode(corners().icc_export(output_profile="cmyk"), ".jpg")).bands == 4
    deep = (corners() * 257).cast("ushort").copy(interpretation="rgb16")
    assert [probe_bytes(encode(deep, suffix)).bits for suffix in (".png", ".tif")] == [16, 16]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read_and_the_size_is_as_stored(suffix: str, orientation: int) -> None:
    header = probe_bytes(encode(corners(600, 402), suffix, orientation=orientation))
    assert (header.orientation, header.width, header.height) == (orientation, 600, 402)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif"])
def test_the_first_4096_bytes_are_enough(suffix: str) -> None:
    data = encode(corners(3000, 2000), suffix)
    asked: list[int] = []

    def read(offset: int, length: int) -> bytes:
        asked.append(offset + length)
        return data[offset : offset + length]

    probe(read)
    assert max(asked) <= 4096


@pytest.mark.parametrize(
    ("data", "reason", "says"),
    [
        (b"", Reason.EMPTY, "empty"),
        (b"just some text called photo.jpg", Reason.NOT_AN_IMAGE, "JPEG, PNG, WebP"),
        (b"\0" * 600, Reason.NOT_AN_IMAGE, "not an image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), Reason.UNSUPPORTED_FORMAT, "heif-convert"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(99), Reason.UNSUPPORTED_FORMAT, "Most Compatible"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.UNSUPPORTED_FORMAT, "SVG"),
        (b"<?xml version='1.0'?>\n<!-- by hand -->\n<svg>", Reason.UNSUPPORTED_FORMAT, "SVG"),
        (b"%PDF-1.7\n", Reason.UNSUPPORTED_FORMAT, "PDF"),
        (b"BM" + bytes(30), Reason.UNSUPPORTED_FORMAT, "BMP"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", Reason.UNSUPPORTED_FORMAT, "video"),
        (b"\xff\x0a\xff\x07", Reason.UNSUPPORTED_FORMAT, "JPEG XL"),
    ],
)
def test_a_file_that_is_not_supported_is_refused_with_its_reason(
    data: bytes, reason: Reason, says: str
) -> None:
    with pytest.raises(Rejected) as refused:
        probe_bytes(data)
    assert refused.value.reason == reason
    assert says in refused.value.message


@pytest.mark.parametrize(("suffix", "options", "image_format", "more"), KINDS)
def test_a_header_cut_short_is_a_rejection_wherever_it_is_cut(
    suffix: str, options: dict[str, Any], image_format: Format, more: dict[str, Any]
) -> None:
    data = encode(corners(64, 48), suffix, **options)
    for length in range(min(len(data), 600)):
        with contextlib.suppress(Rejected):
            assert probe_bytes(data[:length]).width == 64


def test_a_png_that_claims_too_much_is_refused_before_anything_is_decoded() -> None:
    size = struct.pack(">I4sIIBBBBB4x", 13, b"IHDR", 65_500, 65_500, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + size + struct.pack(">I4s", 500_000, b"IDAT") + bytes(500_000)
    header = probe_bytes(bomb)
    with pytest.raises(Rejected, match=r"65,500 x 65,500, 4,290 megapixels; at most 100") as refused:
        check_pixels(header.width, header.height, header, Limits())
    assert refused.value.reason == Reason.TOO_MANY_PIXELS


def test_too_many_bytes_are_refused_by_their_number_alone() -> None:
    check_bytes(10, 10)
    with pytest.raises(Rejected, match="11 bytes; at most 10") as refused:
        check_bytes(11, 10)
    assert refused.value.reason == Reason.TOO_MANY_BYTES


@pytest.mark.parametrize(("image_format", "megapixels"), [(Format.JPEG, 100), (Format.AVIF, 40)])
def test_avif_has_a_lower_limit(image_format: Format, megapixels: int) -> None:
    header = Header(format=image_format, width=1000, height=1000)
    check_pixels(1_000_000, megapixels, header, Limits())
    with pytest.raises(Rejected, match=f"at most {megapixels} are accepted as {image_format.upper()}"):
        check_pixels(1_000_000, megapixels + 1, header, Limits())


@pytest.mark.parametrize("part", [b"<!---->", b"<?xml ", b"<!DOCTYPE svg ", b" \n", b"<!--", b"\xef\xbb\xbf"])
def test_text_made_to_be_slow_is_refused_at_once(part: bytes) -> None:
    started = time.process_time()
    with pytest.raises(Rejected):
        probe_bytes(b"<" + part * 100)
    assert time.process_time() - started < 5  # it used to take minutes


def test_a_tiff_directory_of_absurd_length_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        probe_bytes(b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 65_535) + bytes(800_000))
    assert refused.value.reason == Reason.DAMAGED


def test_an_avif_box_shorter_than_its_header_is_refused() -> None:
    box = b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + struct.pack(">I4s", 4, b"meta") + bytes(600)
    with pytest.raises(Rejected) as refused:
        probe_bytes(box)
    assert refused.value.reason == Reason.DAMAGED


def test_a_header_without_a_size_is_refused() -> None:
    with pytest.raises(Rejected, match="0 x 0"):
        probe_bytes(b"GIF89a" + bytes(600))
