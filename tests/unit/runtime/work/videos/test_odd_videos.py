"""Videos as cameras, recorders and editors make them, each odd in its own way."""

import math
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import pytest

from runtime.rejection import Reason, Rejected
from runtime.work.videos.confined import carry_out
from runtime.work.videos.containers import check_whole, kind_of
from runtime.work.videos.facts import VideoLimits
from runtime.work.videos.orders import Order
from runtime.work.videos.rendition import MP4, POSTER

pytestmark = pytest.mark.slow
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SEEN = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=4")
HEARD = ("-f", "lavfi", "-i", "sine=440:d=4:r=48000")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
HELD = r"setts=duration=if(eq(N\,99)\,DURATION*500\,DURATION)"
SHORT = r"setts=duration=if(eq(N\,3)\,DURATION/5\,DURATION)"
BAD_FIRST = r"noise=amount=if(between(n\,1\,4)\,1\,0)"
BAD_EARLY = r"noise=amount=if(between(n\,1\,25)\,1\,0)"
BAD = r"noise=amount=if(eq(n\,60)\,1\,0)"


def ffmpeg(*arguments: "str | Path") -> None:
    subprocess.run([FFMPEG, "-v", "error", "-y", *arguments], check=True, capture_output=True)


def made(file: Path, folder: Path) -> dict[str, Any]:
    data = file.read_bytes()
    kind = kind_of(data[:4096])
    assert kind
    check_whole(kind, lambda at, length: data[at : at + length], len(data))
    limits = VideoLimits(seconds=600, bytes=10**9)
    order = Order(kind=kind, size=len(data), limits=limits, file=str(file), folder=str(folder), threads=2)
    return dict(carry_out(order, deadline=math.inf))


def simple(folder: Path) -> Path:
    ffmpeg(*SEEN, *HEARD, *H264, "-c:a", "aac", folder / "simple.mp4")
    return folder / "simple.mp4"


def longer_other_track(folder: Path) -> Path:
    more = ("-f", "lavfi", "-i", "sine=220:d=30", "-map", "0", "-map", "1", "-map", "2")
    ffmpeg(*SEEN, *HEARD, *more, *H264, "-c:a", "aac", folder / "tracks.mkv")
    return folder / "tracks.mkv"


def late_start(folder: Path) -> Path:
    ffmpeg(*SEEN, *HEARD, *H264, "-c:a", "aac", "-output_ts_offset", "100", folder / "late.mkv")
    return folder / "late.mkv"


def last_picture_held(folder: Path) -> Path:
    ffmpeg("-i", simple(folder), "-an", "-c", "copy", "-bsf:v", HELD, folder / "held.mkv")
    return folder / "held.mkv"


def gap_before_the_last(folder: Path) -> Path:
    late = "setpts='if(eq(N,99),750/25/TB,PTS)'"
    ffmpeg(*SEEN, "-vf", late, "-fps_mode", "vfr", *H264, "-bf", "2", folder / "gap.mkv")
    return folder / "gap.mkv"


def slides(folder: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=1/10:d=40", *H264, folder / "slides.mp4")
    return folder / "slides.mp4"


def slides_the_last_of_which_is_short(folder: Path) -> Path:
    ffmpeg("-i", slides(folder), "-c", "copy", "-bsf:v", SHORT, folder / "short.mkv")
    return folder / "short.mkv"


def bad_packets(folder: Path) -> Path:
    ffmpeg("-i", simple(folder), "-c", "copy", "-bsf", BAD, folder / "bad.mp4")
    return folder / "bad.mp4"


def bad_packets_first(folder: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=20", *H264, "-g", "25", folder / "good.mp4")
    ffmpeg("-i", folder / "good.mp4", "-c", "copy", "-bsf", BAD_FIRST, folder / "first.mp4")
    return folder / "first.mp4"


def bad_packets_early_and_no_count(folder: Path) -> Path:
    """A recording of 60 s with 25 bad packets among its first thousand; Matroska does not count frames."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=60", *H264, "-g", "25", folder / "good.mp4")
    ffmpeg("-i", folder / "good.mp4", "-c", "copy", "-bsf", BAD_EARLY, folder / "early.mkv")
    return folder / "early.mkv"


def bad_sound_early_and_few_pictures(folder: Path) -> Path:
    """A slideshow of 30 s with a picture and 47 audio packets per second, and four bad packets in all."""
    pictures = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=1:d=30")
    sound = ("-f", "lavfi", "-i", "sine=440:d=30:r=48000")
    ffmpeg(*pictures, *sound, *H264, "-c:a", "aac", folder / "slow.mkv")
    ffmpeg("-i", folder / "slow.mkv", "-c", "copy", "-bsf:a", BAD_FIRST, folder / "sound.mkv")
    return folder / "sound.mkv"


def trailer(folder: Path) -> Path:
    file = simple(folder)
    file.write_bytes(file.read_bytes() + b"What a camera writes behind it, which is no box of any kind.")
    return file


def other_sound_midway(folder: Path) -> Path:
    sounds = (("stereo", "anullsrc=cl=stereo:r=48000:d=2"), ("surround", "anullsrc=cl=5.1:r=44100:d=2"))
    for name, sound in sounds:
        ffmpeg("-f", "lavfi", "-i", sound, "-c:a", "ac3", folder / f"{name}.ac3")
    both = folder / "both.ac3"
    both.write_bytes(b"".join((folder / f"{name}.ac3").read_bytes() for name, _ in sounds))
    ffmpeg(*SEEN, "-i", both, *H264, "-c:a", "copy", "-map", "0", "-map", "1", folder / "sound.mkv")
    return folder / "sound.mkv"


def fragments(folder: Path) -> Path:
    cut = ("-movflags", "frag_keyframe+empty_moov", "-g", "5")
    ffmpeg(*SEEN, *HEARD, *H264, *cut, "-c:a", "aac", folder / "fragments.mp4")
    return folder / "fragments.mp4"


@pytest.mark.parametrize(
    ("odd", "seconds"),
    [
        (simple, 4),
        (longer_other_track, 4),
        (late_start, 4),
        (last_picture_held, 24),
        (gap_before_the_last, 30),
        (slides, 40),
        (slides_the_last_of_which_is_short, 32),
        (bad_packets, 4),
        (bad_packets_first, 20),
        (bad_packets_early_and_no_count, 60),
        (bad_sound_early_and_few_pictures, 30),
        (trailer, 4),
        (other_sound_midway, 4),
        (fragments, 4),
    ],
)
def test_each_rendition_lasts_as_long_as_it_should(
    odd: Callable[[Path], Path], seconds: float, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    told = made(odd(tmp_path), out)
    said = subprocess.run([FFMPEG, "-hide_banner", "-i", out / MP4], capture_output=True, text=True).stderr
    length = re.search(r"Duration: 00:(\d\d):([\d.]+)", said)
    assert length, said
    assert int(length[1]) * 60 + float(length[2]) == pytest.approx(seconds, abs=0.3)
    assert told["seconds"] == pytest.approx(seconds, abs=0.3)


def test_a_picture_of_one_colour_is_no_poster_whatever_its_lines_are_padded_with(tmp_path: Path) -> None:
    white = ("-f", "lavfi", "-i", "color=white:s=200x120:r=25:d=1")
    shown = ("-f", "lavfi", "-i", "testsrc2=s=200x120:r=25:d=1")
    both = ("-filter_complex", "[0][1]concat=n=2:v=1:a=0")
    ffmpeg(*white, *shown, *both, *H264, tmp_path / "white.mp4")
    made(tmp_path / "white.mp4", tmp_path)
    with av.open(tmp_path / POSTER) as poster:
        light = bytes(next(poster.decode(video=0)).planes[0])
    assert min(light[:200]) < 200


def test_loud_channels_that_are_added_up_are_not_cut_off(tmp_path: Path) -> None:
    loud = "|".join(["0.9*sin(440*2*PI*t)"] * 6)
    ffmpeg(
        *SEEN, "-f", "lavfi", "-i", f"aevalsrc={loud}:c=5.1:d=2", *H264, "-c:a", "flac", tmp_path / "loud.mkv"
    )
    made(tmp_path / "loud.mkv", tmp_path)
    command = [FFMPEG, "-hide_banner", "-i", tmp_path / MP4, "-af", "astats", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True).stderr
    peaks = [float(one) for one in re.findall(r"Peak level dB: ([-\d.]+)", said)]
    assert peaks
    assert max(peaks) <= 0.5


def test_a_folder_that_cannot_be_written_to_is_not_the_videos_fault(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="could not read or write"):
        made(simple(tmp_path), tmp_path / "missing")


def test_decoders_that_are_not_in_the_table_are_never_opened(tmp_path: Path) -> None:
    ffmpeg(*SEEN, "-c:v", "ffv1", tmp_path / "a.mkv")
    with pytest.raises(Rejected, match="ffv1") as refused:
        made(tmp_path / "a.mkv", tmp_path)
    assert refused.value.reason is Reason.UNSUPPORTED_FORMAT
