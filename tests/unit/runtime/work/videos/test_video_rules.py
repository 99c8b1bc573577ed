"""Sizes, filters, limits and estimates that follow from a video's facts. Nothing is decoded."""

from dataclasses import replace

import pytest

from runtime.placement.placement import Rules, Where, place
from runtime.rejection import Reason, Rejected
from runtime.work.videos.estimate import estimate
from runtime.work.videos.facts import Facts, VideoLimits, check_facts
from runtime.work.videos.rendition import (
    AUDIO_BITS_PER_SECOND,
    BITS_PER_SECOND,
    LARGEST_BYTES,
    filters,
    size_of,
)
from stacks.settings import Settings

HD = Facts(seconds=10, width=1920, height=1080, codec="h264", frames_per_second=25, audio="aac")
LIMITS = VideoLimits(seconds=3600, bytes=20_000_000_000)


def sized(width: int, height: int, turned: str = "", stretched: float = 1) -> tuple[int, int]:
    return size_of(replace(HD, width=width, height=height, turned=turned, stretched=stretched))


def test_a_rendition_fits_1080p_either_way_up_and_has_even_sides() -> None:
    assert sized(3840, 2160) == (1920, 1080)
    assert sized(3840, 2160, "transpose=clock") == (1080, 1920)
    assert sized(1080, 1920) == (1080, 1920)
    assert sized(4096, 1716) == (1920, 804)
    assert sized(1440, 1440) == (1080, 1080)
    assert sized(321, 243) == (320, 242)
    assert sized(720, 576, stretched=64 / 45) == (1024, 576)
    assert sized(4, 1080, stretched=0.1) == (2, 1080)
    assert sized(1, 1) == (2, 2)


def test_pictures_are_put_upright_after_they_were_made_smaller() -> None:
    names = [name for name, _ in filters(replace(HD, turned="transpose=clock", width=3840, height=2160))]
    assert names == ["scale", "transpose", "setsar", "format"]
    assert dict(filters(replace(HD, turned="transpose=clock")))["scale"].startswith("1920:1080:")
    assert dict(filters(replace(HD, turned="transpose=clock")))["transpose"] == "clock"
    assert [name for name, _ in filters(replace(HD, turned="hflip,vflip"))][1:3] == ["hflip", "vflip"]


def test_more_filters_are_added_only_where_they_are_needed() -> None:
    assert "bwdif" not in dict(filters(HD))
    assert "bwdif" in dict(filters(replace(HD, interlaced=True)))
    assert "fps" not in dict(filters(replace(HD, frames_per_second=60)))
    assert dict(filters(replace(HD, frames_per_second=240)))["fps"] == "60"
    assert [name for name, _ in filters(replace(HD, hdr=True))].count("scale") == 2
    assert "out_transfer" not in str(filters(HD))


def test_an_undeclared_colour_matrix_is_guessed_from_the_size() -> None:
    silent = replace(HD, says_no_colours=True)
    assert "in_color_matrix=bt709" in dict(filters(silent))["scale"]
    assert "in_color_matrix" not in dict(filters(replace(silent, width=640, height=480)))["scale"]
    assert "in_color_matrix" not in dict(filters(HD))["scale"]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (HD, ""),
        (replace(HD, seconds=3600), ""),
        (replace(HD, seconds=3600.1), Reason.TOO_LONG),
        (replace(HD, width=4096, height=2304), ""),
        (replace(HD, width=4097, height=2304), Reason.TOO_MANY_PIXELS),
        (replace(HD, seconds=0), ""),
    ],
)
def test_a_video_over_a_limit_is_refused(facts: Facts, reason: str) -> None:
    if not reason:
        check_facts(facts, LIMITS)
        return
    with pytest.raises(Rejected) as refused:
        check_facts(facts, LIMITS)
    assert refused.value.reason == reason


def test_a_larger_or_more_complex_video_is_estimated_to_take_more() -> None:
    size = 10_000_000
    least = estimate(HD, size, LIMITS)
    for more in (
        replace(HD, seconds=20),
        replace(HD, frames_per_second=50),
        replace(HD, width=3840, height=2160),
        replace(HD, codec="hevc"),
        replace(HD, hdr=True),
    ):
        assert estimate(more, size, LIMITS).cpu_seconds > least.cpu_seconds, more
    assert estimate(HD, 10 * size, LIMITS).cpu_seconds > least.cpu_seconds
    assert estimate(replace(HD, width=3840, height=2160), size, LIMITS).memory_mb > least.memory_mb


def test_a_video_of_unknown_length_is_estimated_from_its_bytes() -> None:
    silent = estimate(replace(HD, seconds=0), 3_000_000, LIMITS)
    assert silent.cpu_seconds == pytest.approx(
        estimate(replace(HD, seconds=80), 3_000_000, LIMITS).cpu_seconds
    )


def test_a_short_clip_fits_the_function_and_a_long_one_a_task() -> None:
    clip = place(estimate(HD, 10_000_000, LIMITS), Rules())
    assert (clip.where, "h264 video of 10 s" in clip.reason) == (Where.LAMBDA, True)
    film = place(estimate(replace(HD, seconds=3600), 3_600_000_000, LIMITS), Rules())
    assert (film.where, film.cpu) == (Where.FARGATE, 4096)
    whole = estimate(replace(HD, seconds=7200, width=3840, height=2160), 40_000_000_000, LIMITS)
    assert place(whole, Rules()).where is Where.FARGATE, "two hours of 4K are done within a task's six hours"


def test_the_longest_video_that_the_settings_allow_is_stored_by_one_put() -> None:
    rule = Settings.__dataclass_fields__["max_video_seconds"].metadata
    assert rule["most"] * (BITS_PER_SECOND + AUDIO_BITS_PER_SECOND) / 8 < LARGEST_BYTES
