"""TIFFs from archives, cameras, scanners and GIS are shown correctly by all three WAYS, or refused."""

import struct
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pyvips

from runtime.imaging.probe import probe_bytes
from runtime.rejection import Reason, Rejected
from tests.support.tiffs import tiff
from tests.support.ways import BLUE, RED, TOLERANCE, WAYS, halves, photo, refused, saved, shown


def tiled(compression: str) -> bytes:
    picture = pyvips.Image.new_from_memory(photo(256, 256).tobytes(), 256, 256, 3, "uchar")
    picture = picture.copy(interpretation="srgb")
    options = {"tile": True, "tile_width": 64, "tile_height": 64, "compression": compression}
    return bytes(picture.tiffsave_buffer(**options))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("compression", ["deflate", "lzw"])
def test_tiles_that_are_damaged_are_not_shown_black(tmp_path: Path, compression: str, share: float) -> None:
    data = bytearray(tiled(compression))
    directory = int.from_bytes(data[4:8], "little")  # after the pixels
    gone = int(directory * share)
    data[gone:directory] = b"\xff" * (directory - gone)
    refused(bytes(data), tmp_path, Reason.DAMAGED, "is damaged")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("options", [{}, {"deflate": True}, {"planar": False, "layout": "H"}])
def test_a_tiled_file_that_was_cut_is_truncated(
    tmp_path: Path, options: dict[str, Any], share: float
) -> None:
    whole = tiff(RED, BLUE, tiled=True, **options)
    head = len(whole) - len(whole) // 3
    cut = whole[: head + int((len(whole) - head) * share)]
    refused(cut, tmp_path, Reason.TRUNCATED, "ends before its picture does")


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        (50000, "ZSTD"),
        (34925, "LZMA"),
        (34887, "LERC"),
        (34712, "JPEG 2000"),
        (6, "old-style JPEG"),
        (9999, "9999"),
    ],
)
@pytest.mark.parametrize("in_tiles", [False, True])
def test_a_codec_that_is_not_read_is_refused_by_name(
    tmp_path: Path, codec: int, name: str, in_tiles: bool
) -> None:
    data = tiff(RED, BLUE, codec=codec, tiled=in_tiles)
    refused(data, tmp_path, Reason.UNSUPPORTED_FORMAT, name)


@pytest.mark.parametrize("layout", ["f", "d", "b", "h", "i", "I"])
@pytest.mark.parametrize(("photometric", "samples"), [(1, 1), (2, 3)])
def test_signed_floating_point_and_32_bit_numbers_are_refused(
    tmp_path: Path, layout: str, photometric: int, samples: int
) -> None:
    data = tiff((51,) * samples, (104,) * samples, photometric=photometric, layout=layout)
    says = "32-bit numbers" if layout == "I" else "signed or floating-point numbers"
    refused(data, tmp_path, Reason.UNSUPPORTED_FORMAT, says)


@pytest.mark.parametrize("options", [{}, {"tiled": True}, {"deflate": True}, {"planar": True}])
def test_an_extra_channel_that_is_not_alpha_is_ignored(tmp_path: Path, options: dict[str, Any]) -> None:
    halves(tiff((*RED, 0), (*BLUE, 0), extras=[0], **options), tmp_path, RED, BLUE)


def test_two_extra_channels_or_one_beside_greys_cmyk_or_16_bits_are_ignored_too(tmp_path: Path) -> None:
    halves(tiff((*RED, 0, 9), (*BLUE, 0, 9), extras=[0, 0]), tmp_path, RED, BLUE)
    halves(tiff((51, 0), (204, 0), photometric=1, extras=[0]), tmp_path, (51,) * 3, (204,) * 3)
    deep = [tuple(257 * one for one in (*colour, 0)) for colour in (RED, BLUE)]
    halves(tiff(*deep, layout="H", extras=[0]), tmp_path, RED, BLUE)
    plain = shown(tiff((0, 200, 200, 0), (200, 0, 0, 50), photometric=5), tmp_path)["service"]
    with_ink = shown(tiff((0, 200, 200, 0, 0), (200, 0, 0, 50, 0), photometric=5, extras=[0]), tmp_path)
    assert all((one - plain).abs().avg() < TOLERANCE for one in with_ink.values())


@pytest.mark.parametrize("options", [{}, {"tiled": True}, {"deflate": True}])
def test_alpha_is_where_the_file_says_it_is(tmp_path: Path, options: dict[str, Any]) -> None:
    halves(tiff((*RED, 255, 0), (*BLUE, 255, 0), extras=[2, 0], **options), tmp_path, RED, BLUE)
    halves(tiff((*RED, 0, 255), (*BLUE, 0, 0), extras=[0, 2], **options), tmp_path, RED, (255,) * 3)
    halves(tiff((*RED, 255), (*BLUE, 0), **options), tmp_path, RED, (255,) * 3)


@pytest.mark.parametrize("samples", [6, 7, 12])
def test_more_channels_than_are_read_are_refused(tmp_path: Path, samples: int) -> None:
    data = tiff((9,) * samples, (99,) * samples, extras=[0] * (samples - 3))
    refused(data, tmp_path, Reason.UNSUPPORTED_FORMAT, f"{samples} channels")


@pytest.mark.parametrize(
    ("photometric", "name"),
    [(6, "YCbCr without JPEG"), (9, "ICCLab"), (10, "ITULab"), (32845, "LogLuv"), (77, "77")],
)
@pytest.mark.parametrize("options", [{}, {"tiled": True}, {"deflate": True}])
def test_colours_that_are_not_read_are_refused_by_name(
    tmp_path: Path, photometric: int, name: str, options: dict[str, Any]
) -> None:
    refused(tiff(RED, BLUE, photometric=photometric, **options), tmp_path, Reason.UNSUPPORTED_FORMAT, name)


@pytest.mark.parametrize(
    "data",
    [
        tiff((51, 255), (204, 255), photometric=1, extras=[2], planar=True),
        tiff((51, 0), (204, 0), photometric=1, extras=[0], planar=True, deflate=True),
        tiff(RED, BLUE, planar=True, tiled=True),
    ],
)
def test_channels_that_are_kept_apart_are_refused_where_they_would_be_mixed(
    tmp_path: Path, data: bytes
) -> None:
    refused(data, tmp_path, Reason.UNSUPPORTED_FORMAT, "keeps each channel apart")


def test_planes_of_rgb_in_strips_keep_their_colours(tmp_path: Path) -> None:
    halves(tiff(RED, BLUE, planar=True), tmp_path, RED, BLUE)
    halves(tiff((*RED, 255), (*BLUE, 0), planar=True, extras=[2]), tmp_path, RED, (255,) * 3)


@pytest.mark.parametrize(
    ("data", "maker"),
    [
        (tiff(RED, BLUE, more=[(50706, 1, (1, 4, 0, 0)), (271, 2, b"LEICA\0")]), "Leica"),
        (tiff(RED, BLUE, more=[(254, 4, (1,)), (330, 4, (8,)), (271, 2, b"NIKON CORPORATION\0")]), "Nikon"),
        (tiff((51,), (204,), photometric=32803), ""),
        (tiff(RED, BLUE, photometric=34892), ""),
        (b"II*\0\x10\0\0\0CR\2\0" + tiff(RED, BLUE)[12:], ""),
        (b"FUJIFILMCCD-RAW 0201FF383501" + bytes(600), "Fujifilm"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(600), "Canon"),
        (b"IIU\0\x18\0\0\0" + bytes(600), "RW2"),
        (b"IIRO\x08\0\0\0" + bytes(600), "ORF"),
        (b"II\x1a\0\0\0HEAPCCDR" + bytes(600), "CRW"),
        (b"\0MRM" + bytes(600), "MRW"),
        (b"FOVb" + bytes(600), "X3F"),
    ],
)
def test_a_cameras_raw_file_is_refused_with_advice_to_develop_it(
    tmp_path: Path, data: bytes, maker: str
) -> None:
    for way in WAYS.values():
        with pytest.raises(Rejected) as error:
            way(data, tmp_path)
        if b"CR\2\0" in data[:16]:
            assert error.value.reason in (Reason.UNSUPPORTED_FORMAT, Reason.TRUNCATED, Reason.DAMAGED)
            continue
        assert error.value.reason == Reason.UNSUPPORTED_FORMAT
        assert "raw" in error.value.message
        assert maker in error.value.message
        assert "Develop it" in error.value.message


@pytest.mark.parametrize("options", [{"tiled": True}, {}, {"extras": [1]}])
def test_alpha_in_a_tiffs_jpeg_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    data = tiff((*RED, 255), (*BLUE, 255), codec=7, **{"extras": [2], **options})
    refused(data, tmp_path, Reason.UNSUPPORTED_FORMAT, "alpha in JPEG")


@pytest.mark.parametrize("kind", [0, 14, 99, 65_535])
@pytest.mark.parametrize("options", [{}, {"tiled": True}])
def test_a_tiffs_entries_of_unknown_types_are_skipped(
    tmp_path: Path, kind: int, options: dict[str, Any]
) -> None:
    strange = [(32934, kind, (1,)), (65_000, kind, (7,))]
    halves(tiff(RED, BLUE, more=strange, **options), tmp_path, RED, BLUE)


@pytest.mark.parametrize("bits", [6, 10, 12, 14, 24])
def test_a_tiff_of_a_bit_depth_that_is_not_read_is_refused_with_the_number_of_bits(
    tmp_path: Path, bits: int
) -> None:
    data = tiff(RED, BLUE)
    wrong = data.replace(struct.pack("<3H", 8, 8, 8), struct.pack("<3H", bits, bits, bits))
    refused(wrong, tmp_path, Reason.UNSUPPORTED_FORMAT, f"{bits}-bit numbers as RGB")


SOUND = {
    "RGB": partial(tiff, RED, BLUE),
    "tiled, deflate": partial(tiff, RED, BLUE, tiled=True, deflate=True),
    "16 bits": partial(tiff, tuple(257 * a for a in RED), tuple(257 * b for b in BLUE), layout="H"),
}


@pytest.mark.parametrize("name", SOUND)
def test_an_ordinary_tiff_is_shown(tmp_path: Path, name: str) -> None:
    halves(SOUND[name](), tmp_path, RED, BLUE)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "jpeg"])
def test_strips_that_are_damaged_are_not_shown_black(tmp_path: Path, compression: str) -> None:
    picture = photo(640, 480) if compression == "jpeg" else photo(640, 480).convert("1")
    data = bytearray(saved(picture, "TIFF", compression=compression))
    third = len(data) // 3
    data[third : 2 * third] = bytes(third)
    refused(bytes(data), tmp_path, Reason.DAMAGED, "is damaged")


@pytest.mark.parametrize("extras", [[0], [2]])
def test_a_palette_beside_another_channel_keeps_its_colours(tmp_path: Path, extras: list[int]) -> None:
    table = [257 * colour[channel] for channel in range(3) for colour in [RED, BLUE] * 128]
    data = tiff((0, 255), (1, 255), photometric=3, extras=extras, more=[(320, 3, table)])
    halves(data, tmp_path, RED, BLUE)
    assert probe_bytes(data).bands == pyvips.Image.new_from_buffer(data, "").bands == 4


def test_alpha_of_16_bits_beside_cmyk_is_followed(tmp_path: Path) -> None:
    deep = tiff((0, 0, 0, 65_535, 6_553), (0, 0, 0, 65_535, 65_535), photometric=5, layout="H", extras=[2])
    plain = tiff((0, 0, 0, 255, 25), (0, 0, 0, 255, 255), photometric=5, extras=[2])
    wanted = shown(plain, tmp_path)
    for name, image in shown(deep, tmp_path).items():
        assert (image - wanted[name]).abs().avg() < TOLERANCE, name


@pytest.mark.parametrize("bytes_kept", [20, 100, 150, 170])
def test_a_tiff_that_ends_inside_its_header_is_truncated(tmp_path: Path, bytes_kept: int) -> None:
    refused(tiff(RED, BLUE)[:bytes_kept], tmp_path, Reason.TRUNCATED, "ends inside its header")


def test_a_tiff_that_does_not_say_which_colours_it_has_is_refused(tmp_path: Path) -> None:
    data = tiff(RED, BLUE).replace(struct.pack("<HHI", 262, 3, 1), struct.pack("<HHI", 261, 3, 1))
    refused(data, tmp_path, Reason.UNSUPPORTED_FORMAT, "does not say which colours")


@pytest.mark.parametrize(
    ("tag", "values", "says"),
    [(258, 3, "1-bit numbers as RGB"), (262, 1, "does not say which colours")],
)
def test_an_entry_of_a_tiff_without_values_counts_as_missing(
    tmp_path: Path, tag: int, values: int, says: str
) -> None:
    empty = tiff(RED, BLUE).replace(struct.pack("<HHI", tag, 3, values), struct.pack("<HHI", tag, 3, 0))
    refused(empty, tmp_path, Reason.UNSUPPORTED_FORMAT, says)


@pytest.mark.parametrize("extras", [[0], [0, 0]])
def test_a_grey_palette_beside_an_extra_channel_is_refused_and_not_a_bug(
    tmp_path: Path, extras: list[int]
) -> None:
    greys = [257 * at for at in range(256)] * 3
    others = (255,) * len(extras)
    data = tiff((0, *others), (1, *others), photometric=3, extras=extras, more=[(320, 3, greys)])
    refused(data, tmp_path, Reason.DAMAGED, "of a rare kind")
