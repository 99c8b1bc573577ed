"""Videos with strange tags, durations, rates or colours: processed, or rejected with a reason."""

import math
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtime.rejection import Reason, Rejected
from runtime.work.videos import reading
from runtime.work.videos.confined import carry_out
from runtime.work.videos.containers import kind_of
from runtime.work.videos.facts import VideoLimits
from runtime.work.videos.orders import Order
from tests.support.clips import Clip, make_clip

SHORT = Clip(width=64, height=48, frames=10)


def made(data: bytes, folder: Path) -> dict[str, Any]:
    file = folder / "file"
    file.write_bytes(data)
    kind = kind_of(data[:4096])
    assert kind
    limits = VideoLimits(seconds=600, bytes=10**9)
    order = Order(kind=kind, size=len(data), limits=limits, file=str(file), folder=str(folder), threads=1)
    return dict(carry_out(order, deadline=math.inf))


def test_a_tag_in_another_encoding_is_no_obstacle(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "a.mkv", SHORT).read_bytes()
    assert b"Lavf" in data
    assert made(data.replace(b"Lavf", b"\xe9avf"), tmp_path)["seconds"] > 0


def test_a_codec_is_known_despite_a_tag_that_is_not_ascii(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "a.mp4", replace(SHORT, codec="mpeg4")).read_bytes()
    assert data.count(b"mp4v") == 1
    assert made(data.replace(b"mp4v", b"\xe9p4v"), tmp_path)["seconds"] > 0


def test_a_duration_of_hundreds_of_digits_is_invalid() -> None:
    assert reading._tagged("00:00:02.5") == 2.5
    assert reading._tagged("9" * 400 + ":00:00.0") == 0


def test_sound_with_an_impossible_rate_is_refused(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "a.mkv", replace(SHORT, sound="pcm_s16le")).read_bytes()
    rate, impossible = (struct.pack(">d", hertz) for hertz in (48_000, 2_000_000_000))
    assert data.count(rate) == 1
    with pytest.raises(Rejected, match="2000000000 Hz") as rejected:
        made(data.replace(rate, impossible), tmp_path)
    assert rejected.value.reason is Reason.UNSUPPORTED_FORMAT


def test_colours_that_no_filter_converts_are_refused_as_such(tmp_path: Path) -> None:
    coding = {"x264-params": "colormatrix=YCgCo"}
    data = make_clip(tmp_path / "a.mkv", replace(SHORT, coding=coding)).read_bytes()
    with pytest.raises(Rejected, match="cannot be converted") as rejected:
        made(data, tmp_path)
    assert rejected.value.reason is Reason.UNSUPPORTED_FORMAT
