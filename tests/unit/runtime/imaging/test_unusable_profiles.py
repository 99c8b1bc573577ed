"""ICC profiles that cannot be used: the picture is shown as if it had none."""

import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageCms

from runtime.rejection import Reason
from tests.support.avifs import patched_nclx
from tests.support.ways import BLUE, RED, halves, refused, saved
from tests.unit.runtime.imaging.test_real_files import linear, png, two

AVIF = {"quality": 100, "subsampling": "4:4:4"}


def profile(kind: bytes = b"mntr", space: bytes = b"RGB ") -> bytes:
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[12:20] = kind + space
    return bytes(made)


@pytest.mark.parametrize("kind", [b"link", b"nmcl", b"abst"])
def test_a_colour_profile_that_is_not_for_pictures_is_passed_over(tmp_path: Path, kind: bytes) -> None:
    halves(saved(two(RED, BLUE), "JPEG", quality=95, icc_profile=profile(kind)), tmp_path, RED, BLUE)


@pytest.mark.parametrize("space", ["XYZ", "LAB"])
def test_a_colour_profile_of_a_space_that_no_jpeg_is_in_is_passed_over(tmp_path: Path, space: Any) -> None:
    other = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    halves(saved(two(RED, BLUE), "JPEG", quality=95, icc_profile=other), tmp_path, RED, BLUE)


@pytest.mark.parametrize("kept", [400, 450, 500])
def test_a_colour_profile_with_broken_content_is_passed_over(tmp_path: Path, kept: int) -> None:
    broken = profile()[:kept] + b"\xff" * (len(profile()) - kept)
    halves(saved(two(RED, BLUE), "JPEG", quality=95, icc_profile=broken), tmp_path, RED, BLUE)


@pytest.mark.parametrize(
    ("kind", "space", "is_unusable"),
    [
        (b"mntr", b"RGB ", False),
        (b"link", b"RGB ", True),
        (b"mntr", b"GRAY", True),
        (b"mntr", b"CMYK", True),
        (b"mntr", b"HSV ", True),
    ],
)
def test_an_avifs_code_points_are_followed_unless_its_profile_can_be_used(
    tmp_path: Path, kind: bytes, space: bytes, is_unusable: bool
) -> None:
    data = patched_nclx(saved(two(RED, BLUE), "AVIF", icc_profile=profile(kind, space), **AVIF), 1, 8)
    halves(data, tmp_path, *((linear(RED, 1.0), linear(BLUE, 1.0)) if is_unusable else (RED, BLUE)))


@pytest.mark.parametrize("kind", [b"link", b"mntr"])
@pytest.mark.parametrize("chunk", [(b"gAMA", struct.pack(">I", 100_000)), (b"cICP", bytes([1, 8, 0, 1]))])
def test_a_pngs_gamma_or_code_points_are_followed_unless_its_profile_can_be_used(
    tmp_path: Path, kind: bytes, chunk: tuple[bytes, bytes]
) -> None:
    data = png(two(RED, BLUE), chunk, icc_profile=profile(kind))
    is_unusable = kind == b"link"
    halves(data, tmp_path, *((linear(RED, 1.0), linear(BLUE, 1.0)) if is_unusable else (RED, BLUE)))


@pytest.mark.parametrize("transfer", [16, 18])
def test_a_high_dynamic_range_is_refused_whatever_the_profile(tmp_path: Path, transfer: int) -> None:
    data = patched_nclx(saved(two(RED, BLUE), "AVIF", icc_profile=profile(), **AVIF), 1, transfer)
    refused(data, tmp_path, Reason.UNSUPPORTED_FORMAT, "high dynamic range")


def test_unknown_code_points_do_not_matter_if_there_is_a_profile(tmp_path: Path) -> None:
    data = patched_nclx(saved(two(RED, BLUE), "AVIF", icc_profile=profile(), **AVIF), 1, 99)
    halves(data, tmp_path, RED, BLUE)
