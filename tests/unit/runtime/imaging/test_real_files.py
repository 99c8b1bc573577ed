"""Kinds of files that people really upload and that once went wrong, recreated by code.

Pixels are compared with Pillow's, or with what the file was made from; what is not supported or ends early
must be refused. TIFFs have a module of their own, test_real_tiffs.py.
"""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from runtime.imaging.probe import probe_bytes
from runtime.rejection import Reason
from tests.support.avifs import patched_nclx, with_another_extent
from tests.support.tiffs import HEIGHT, WIDTH
from tests.support.ways import BLUE, RED, TOLERANCE, as_pillow, halves, photo, refused, saved, shown


@pytest.mark.parametrize("quality", [60, 90, 100])
@pytest.mark.parametrize("size", [(96, 64), (33, 57)])
def test_greys_of_limited_range_are_not_washed_out(
    tmp_path: Path, quality: int, size: tuple[int, int]
) -> None:
    for numbers in ("limited", "full"):
        options = {"quality": quality, "subsampling": "4:0:0", "range": numbers}
        data = saved(photo(*size).convert("L"), "AVIF", **options)
        as_pillow(data, tmp_path, within=4)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_first_frame_of_an_animated_avif_is_shown(tmp_path: Path, count: int) -> None:
    others = [photo().rotate(90 * (one + 1)) for one in range(count - 1)]
    as_pillow(saved(photo(), "AVIF", save_all=True, append_images=others, quality=95), tmp_path)


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("kind", ["AVIF", "WEBP", "JPEG", "PNG", "TIFF"])
def test_a_picture_is_upright_by_all_three_ways(tmp_path: Path, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = saved(photo(), kind, exif=exif.tobytes() if kind != "TIFF" else exif)
    as_pillow(data, tmp_path, orientation=1 if kind == "TIFF" else orientation)  # Pillow turns TIFFs itself


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (97, 64), (64, 1000)])
def test_an_avif_has_the_size_of_its_primary_picture(tmp_path: Path, width: int, height: int) -> None:
    data = with_another_extent(saved(photo(), "AVIF", quality=95), width, height)
    header = probe_bytes(data)
    assert (header.width, header.height) == (WIDTH, HEIGHT)
    as_pillow(data, tmp_path)


def linear(colour: tuple[float, ...], gamma: float) -> tuple[int, ...]:
    light = [(one / 255) ** gamma for one in colour]
    return tuple(
        round(255 * (12.92 * one if one <= 0.0031308 else 1.055 * one ** (1 / 2.4) - 0.055)) for one in light
    )


def two(left: tuple[int, ...], right: tuple[int, ...]) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), left)
    picture.paste(right, (WIDTH // 2, 0, WIDTH, HEIGHT))
    return picture


@pytest.mark.parametrize(("transfer", "gamma"), [(8, 1.0), (4, 2.2), (5, 2.8)])
def test_an_avifs_transfer_function_is_followed(tmp_path: Path, transfer: int, gamma: float) -> None:
    data = patched_nclx(saved(two(RED, BLUE), "AVIF", quality=100, subsampling="4:4:4"), 1, transfer)
    halves(data, tmp_path, linear(RED, gamma), linear(BLUE, gamma))


TO_SRGB = {
    12: [[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]],
    9: [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
}
"""Matrices from linear light of Display P3 and Rec. 2020 to that of sRGB, within 0.0005 of exact ones."""


def converted(colour: tuple[int, ...], primaries: int) -> tuple[int, ...]:
    shares = np.array(colour) / 255
    light = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    light = (np.array(TO_SRGB[primaries]) @ light).clip(0, 1)
    return linear(tuple(255 * one for one in light), 1)


@pytest.mark.parametrize("primaries", TO_SRGB)
def test_an_avifs_primaries_are_followed(tmp_path: Path, primaries: int) -> None:
    data = patched_nclx(saved(two(RED, BLUE), "AVIF", quality=100, subsampling="4:4:4"), primaries, 13)
    halves(data, tmp_path, converted(RED, primaries), converted(BLUE, primaries))


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG"), (99, "1/99")])
def test_unsupported_transfer_functions_are_refused_by_name(tmp_path: Path, transfer: int, name: str) -> None:
    refused(patched_nclx(saved(photo(), "AVIF"), 1, transfer), tmp_path, Reason.UNSUPPORTED_FORMAT, name)


def grey_profile(srgb: bytes) -> bytes:
    """Return a profile of linear greys, whose white point is D50."""
    curve = b"curv" + bytes(4) + struct.pack(">I", 0)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63_190, 65_536, 54_061)
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(79)
    parts = [(b"desc", text), (b"wtpt", white), (b"kTRC", curve)]
    at = 128 + 4 + 12 * len(parts)
    table, content = struct.pack(">I", len(parts)), b""
    for name, part in parts:
        table += name + struct.pack(">II", at + len(content), len(part))
        content += part + bytes(-len(part) % 4)
    size = struct.pack(">I", 128 + len(table) + len(content))
    head = size + srgb[4:8] + struct.pack(">I", 0x02400000) + b"mntrGRAYXYZ " + srgb[24:128]
    return head + table + content


def png(picture: Image.Image, *chunks: tuple[bytes, bytes], **options: Any) -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, content in chunks:
        info.add(name, content)
    return saved(picture, "PNG", pnginfo=info, **options)


@pytest.mark.parametrize("gamma", [1.0, 0.55, 1 / 1.8])
def test_a_pngs_gamma_is_followed(tmp_path: Path, gamma: float) -> None:
    data = png(two(RED, BLUE), (b"gAMA", struct.pack(">I", round(gamma * 100_000))))
    halves(data, tmp_path, linear(RED, 1 / gamma), linear(BLUE, 1 / gamma))


P3 = (converted(RED, 12), converted(BLUE, 12))


def test_a_pngs_primaries_and_code_points_are_followed(tmp_path: Path) -> None:
    p3 = [round(100_000 * one) for one in (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)]
    halves(
        png(two(RED, BLUE), (b"cHRM", struct.pack(">8I", *p3))),
        tmp_path,
        converted(RED, 12),
        converted(BLUE, 12),
    )
    halves(
        png(two(RED, BLUE), (b"cICP", bytes([12, 13, 0, 1]))),
        tmp_path,
        converted(RED, 12),
        converted(BLUE, 12),
    )
    plain = png(two(RED, BLUE), (b"gAMA", struct.pack(">I", 45_455)))
    halves(plain, tmp_path, RED, BLUE)
    told = png(two(RED, BLUE), (b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000)))
    halves(told, tmp_path, RED, BLUE)


@pytest.mark.parametrize("white", [(0.3457, 0.3585), (1 / 3, 1 / 3), (0.314, 0.351)])
def test_white_stays_white_whatever_the_white_of_a_file(tmp_path: Path, white: tuple[float, float]) -> None:
    numbers = [round(100_000 * one) for one in (*white, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)]
    data = png(two((255, 255, 255), (128, 128, 128)), (b"cHRM", struct.pack(">8I", *numbers)))
    halves(data, tmp_path, (255, 255, 255), (128, 128, 128))


def test_a_profile_of_greys_is_followed_in_an_avif(tmp_path: Path) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    grey = grey_profile(bytes(profile))
    data = saved(two(RED, BLUE).convert("L"), "AVIF", quality=100, subsampling="4:0:0", icc_profile=grey)
    levels = np.asarray(two(RED, BLUE).convert("L"))[0, [5, 90]]
    halves(data, tmp_path, *(linear((float(level),) * 3, 1.0) for level in levels))


def test_greys_of_an_undeclared_range_are_left_as_they_are(tmp_path: Path) -> None:
    data = saved(photo().convert("L"), "AVIF", quality=95, subsampling="4:0:0", range="full")
    as_pillow(data.replace(b"colrnclx", b"freenclx"), tmp_path, within=4)


@pytest.mark.parametrize("trailer", [b"\0" * 100, b"motion photo" * 100])
def test_bytes_after_a_jpegs_end_are_passed_over(tmp_path: Path, trailer: bytes) -> None:
    as_pillow(saved(photo(), "JPEG", quality=90) + trailer, tmp_path)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_the_exif_after_a_pngs_pixels_is_followed(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    whole = saved(photo(), "PNG")
    behind = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    as_pillow(whole[:-12] + behind + whole[-12:], tmp_path, orientation=orientation)


def test_a_text_that_only_looks_like_exif_does_not_turn_a_png(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    comment = struct.pack(">I", len(chunk) - 4) + chunk + bytes(4)
    text = b"tEXt" + b"Comment\0" + comment
    whole = saved(photo(), "PNG")
    behind = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    as_pillow(whole[:-12] + behind + whole[-12:], tmp_path)


@pytest.mark.parametrize(
    ("left", "top", "width", "height"), [(10, 0, 96, 64), (0, 20, 96, 100), (7, 9, 200, 90)]
)
def test_what_a_gifs_first_frame_leaves_free_is_transparent(
    tmp_path: Path, left: int, top: int, width: int, height: int
) -> None:
    whole = bytearray(saved(photo(60, 40).quantize(64), "GIF"))
    whole[6:10] = struct.pack("<HH", width, height)
    at = 13 + (3 << (whole[10] & 7) + 1)
    while whole[at] == 0x21:
        at += 2
        while whole[at]:
            at += whole[at] + 1
        at += 1
    whole[at + 1 : at + 5] = struct.pack("<HH", left, top)
    for name, image in shown(bytes(whole), tmp_path).items():
        assert (image.width, image.height) == (width, height), name
        assert image(width - 1, height - 1) == pytest.approx([255] * 3, abs=TOLERANCE), name
        assert image(left + 40, top + 20)[0] == pytest.approx(170, abs=40), name


@pytest.mark.parametrize("before", [b"\xff\xdb", b"\xff\xc0", b"\xff\xc4"])
@pytest.mark.parametrize("junk", [b"\0", b"junk", b"\xff\0" + bytes(500)])
def test_bytes_between_a_jpegs_segments_are_passed_over(tmp_path: Path, before: bytes, junk: bytes) -> None:
    whole = saved(photo(), "JPEG", quality=90)
    at = whole.index(before)
    as_pillow(whole[:at] + junk + whole[at:], tmp_path)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}])
def test_a_jpeg_that_lacks_just_its_end_marker_is_shown(tmp_path: Path, options: dict[str, Any]) -> None:
    whole = saved(photo(), "JPEG", **options)
    for name, image in shown(whole[:-2], tmp_path).items():
        assert (image - shown(whole, tmp_path)[name]).abs().avg() < 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_jpeg_that_lacks_more_than_its_end_marker_is_truncated(
    tmp_path: Path, options: dict[str, Any], share: float
) -> None:
    whole = saved(Image.effect_noise((300, 200), 90).convert("RGB"), "JPEG", **options)
    refused(whole[: int(len(whole) * share)], tmp_path, Reason.TRUNCATED, "ends before its picture does")


@pytest.mark.parametrize("has_thumbnail", [False, True])
def test_a_progressive_jpeg_that_ends_between_two_scans_is_truncated(
    tmp_path: Path, has_thumbnail: bool
) -> None:
    """The data is valid, and with an end marker it would be a whole picture of less detail."""
    whole = saved(photo(300, 200), "JPEG", progressive=True)
    begin = whole.index(b"\xff\xda\x00")
    if has_thumbnail:  # as cameras store it, with a complete scan of its own
        small = saved(photo(32, 20), "JPEG")
        segment = b"\xff\xe1" + struct.pack(">H", len(small) + 8) + b"Exif\0\0" + small
        whole, begin = whole[:2] + segment + whole[2:], begin + len(segment)
    scans = [at for at in range(begin, len(whole)) if whole[at : at + 3] == b"\xff\xda\x00"]
    assert len(scans) > 5
    for at in scans[1:]:
        refused(whole[:at], tmp_path, Reason.TRUNCATED, "ends before its picture does")


@pytest.mark.parametrize("bits", [9, 12, 16])
def test_a_jpeg_of_more_than_8_bits_a_channel_is_refused_with_the_number_of_bits(
    tmp_path: Path, bits: int
) -> None:
    data = bytearray(saved(photo(), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = bits
    refused(bytes(data), tmp_path, Reason.UNSUPPORTED_FORMAT, f"{bits} bits a channel")


@pytest.mark.parametrize(
    ("marker", "name"),
    [(0xC5, "hierarchical"), (0xC6, "hierarchical"), (0xCB, "lossless with arithmetic"), (0xF7, "JPEG-LS")],
)
def test_a_jpeg_of_a_process_that_is_not_read_is_refused_by_name(
    tmp_path: Path, marker: int, name: str
) -> None:
    data = bytearray(saved(photo(), "JPEG"))
    data[data.index(b"\xff\xc0") + 1] = marker
    refused(bytes(data), tmp_path, Reason.UNSUPPORTED_FORMAT, name)
