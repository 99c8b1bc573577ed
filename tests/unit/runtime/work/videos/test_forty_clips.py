"""Forty seeded clips: each is rejected or becomes a rendition that another FFmpeg build confirms."""

import json
import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy
import pytest
from moto import mock_aws

from runtime.work.scans import Scans
from runtime.work.videos.facts import VideoLimits
from runtime.work.videos.videos import Videos
from tests.support.browser import picture_of
from tests.support.clips import Clip, make_clip
from tests.support.hybrid import make_world

pytestmark = pytest.mark.slow
SEED = 22
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SMALL = Clip(width=192, height=144, frames=20)
HDR: Any = {
    "codec": "libx265",
    "pixels": "yuv420p10le",
    "primaries": 9,
    "coding": {"x265-params": "log-level=error"},
}
PQ_TO_SDR = (
    "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"
    "zscale=t=bt709:m=bt709:r=tv"
)
ALIKE, TONES_ALIKE = 8, 45
"""Largest mean difference of pixel values, out of 255; larger for HDR, as the two tone mappings differ."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A clip to upload. part: share of the file that is uploaded.

    reason: why it is rejected, or "" if it gets a rendition. reasons: all that the test allows, if several.
    """

    name: str
    clip: Clip
    reason: str = ""
    part: float = 1
    size: tuple[int, int] = (192, 144)
    reasons: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Duration; audio lasts at least a second."""
        return max(self.clip.frames, self.clip.rate if self.clip.sound else 0) / self.clip.rate


def cases() -> Iterator[Case]:
    more: Any
    for name, codec, more in (
        ("h264.mp4", "libx264", {}),
        ("hevc.mp4", "libx265", {"coding": {"x265-params": "log-level=error"}}),
        ("mpeg4.mp4", "mpeg4", {}),
        ("mpeg2.mkv", "mpeg2video", {"sound": "ac3"}),
        ("vp8.webm", "libvpx", {"sound": "libopus"}),
        ("vp9.webm", "libvpx-vp9", {"sound": "libopus"}),
        ("av1.mkv", "libsvtav1", {"sound": "flac"}),
        ("prores.mov", "prores_ks", {"pixels": "yuv422p10le", "sound": "pcm_s16le"}),
        ("mjpeg.mov", "mjpeg", {"pixels": "yuvj420p", "sound": ""}),
    ):
        yield Case(name=name, clip=replace(SMALL, codec=codec, **more))
    for turned in (90, 180, 270):
        size = (192, 144) if turned == 180 else (144, 192)
        yield Case(name=f"turned{turned}.mp4", clip=replace(SMALL, turned=turned), size=size)
    yield Case(name="variable.mkv", clip=replace(SMALL, jitter=0.3))
    yield Case(name="variable.mp4", clip=replace(SMALL, jitter=0.2, turned=90), size=(144, 192))
    yield Case(name="odd.mp4", clip=replace(SMALL, width=193, height=145, pixels="yuv444p"), size=(192, 144))
    yield Case(name="tiny.mp4", clip=replace(SMALL, width=16, height=18), size=(16, 18))
    yield Case(name="wide.mp4", clip=replace(SMALL, width=2560, height=720, frames=5), size=(1920, 540))
    yield Case(name="high.mp4", clip=replace(SMALL, width=2160, height=3840, frames=3), size=(1080, 1920))
    yield Case(name="sound.mp4", clip=replace(SMALL, frames=0), reason="no-video")
    yield Case(name="one.mp4", clip=replace(SMALL, frames=1))
    yield Case(name="one.mkv", clip=replace(SMALL, frames=1, sound=""))
    yield Case(name="five.mp4", clip=replace(SMALL, frames=125))
    yield Case(name="silent.webm", clip=replace(SMALL, codec="libvpx-vp9", sound=""))
    yield Case(name="front.mp4", clip=replace(SMALL, options={"movflags": "faststart"}))
    yield Case(name="parts.mp4", clip=replace(SMALL, options={"movflags": "frag_keyframe+empty_moov"}))
    yield Case(name="live.webm", clip=replace(SMALL, codec="libvpx", sound="libopus", options={"live": "1"}))
    yield Case(name="fast.mp4", clip=replace(SMALL, rate=240, frames=240))
    yield Case(name="pq.mp4", clip=replace(SMALL, **HDR, trc=16))
    yield Case(name="hlg.mov", clip=replace(SMALL, **HDR, trc=18))
    yield Case(name="raw.mov", clip=replace(SMALL, codec="png", pixels="rgb24"), reason="unsupported-format")
    drawn = random.Random(SEED)
    for number in range(10):
        name = ("cut{}.mp4", "cut{}.mkv", "cut{}.mov")[number % 3].format(number)
        yield Case(
            name=name,
            clip=replace(SMALL, options={"movflags": "faststart"} if number % 2 else {}),
            part=drawn.uniform(0.02, 0.98),
            reason="truncated",
            reasons=("truncated", "damaged"),
        )


CASES = list(cases())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str, Path]]:
    """Return each case's file, why it was rejected ("" if it was not), and where its MP4 is, if any."""
    folder = tmp_path_factory.mktemp("forty")
    found = {}
    with mock_aws():
        world = make_world()
        limits = VideoLimits(seconds=600, bytes=10**9)
        world.kinds = [Scans(limits=world.limits), Videos(limits=limits)]
        for case in CASES:
            file = make_clip(folder / case.name, case.clip)
            file.write_bytes(file.read_bytes()[: round(file.stat().st_size * case.part)])
            message = world.upload(file.read_bytes(), case.name)
            outcome = world.dispatch(message)
            result = folder / f"{case.name}.result.mp4"
            if outcome.metric == "DoneByLambda":
                job_id = outcome.facts["job_id"]
                stored = world.s3.get_object(Bucket="output", Key=f"v/{job_id}/video.mp4")["Body"].read()
                result.write_bytes(stored)
            reason = str(outcome.facts.get("explanation", "" if result.exists() else outcome)).partition(":")[
                0
            ]
            found[case.name] = (file, reason, result)
    return found


def test_there_are_forty_different_clips() -> None:
    assert len(CASES) == len({case.name for case in CASES}) == 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_clip_has_a_right_rendition_or_is_refused_with_its_reason(
    made: dict[str, tuple[Path, str, Path]], case: Case
) -> None:
    file, reason, result = made[case.name]
    if case.reason:
        assert reason in (case.reasons or (case.reason,))
        return
    assert reason == ""
    was, becomes = looked_at(file), looked_at(result)
    assert becomes["size"] == case.size
    assert becomes["seconds"] == pytest.approx(was["seconds"] or case.seconds, abs=0.12)
    assert becomes["sound"] == was["sound"] == bool(case.clip.sound)
    is_hdr = case.clip.trc in (16, 18)
    before = first_picture(file, case.size, PQ_TO_SDR if is_hdr else "null")
    after = first_picture(result, case.size)
    difference = float(numpy.abs(before - after).mean())
    assert difference < (TONES_ALIKE if is_hdr else ALIKE)
    assert after.std() > 20, "it is of one colour"
    for turn in (1, 2, 3):  # and not another way up
        other = numpy.rot90(after, turn)
        if other.shape == before.shape:
            assert numpy.abs(before - other).mean() > difference + 10


def looked_at(file: Path) -> dict[str, Any]:
    """Return what another FFmpeg says: size as stored, seconds, whether there is audio."""
    said = subprocess.run([FFMPEG, "-hide_banner", "-i", file], capture_output=True, text=True).stderr
    size = re.search(r"Video: .*? (\d+)x(\d+)[, ]", said)
    length = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said)
    assert size, said
    hours, minutes, seconds = (float(part) for part in length.groups()) if length else (0, 0, 0)
    return {
        "size": (int(size[1]), int(size[2])),
        "seconds": hours * 3600 + minutes * 60 + seconds,
        "sound": "Audio:" in said,
    }


def first_picture(file: Path, size: tuple[int, int], first: str = "null") -> Any:
    """Return the first frame as another FFmpeg decodes, rotates and scales it; RGB."""
    width, height = size
    filters = f"{first},scale={width}:{height}"
    command = [FFMPEG, "-v", "error", "-i", file, "-frames:v", "1", "-vf", filters, "-pix_fmt", "rgb24"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    return numpy.frombuffer(raw, numpy.uint8).reshape(height, width, 3).astype(float)


PAGE = """<!DOCTYPE html><title>loading</title><body></body><script>
const names = NAMES, broken = [];
let left = names.length;
for (const name of names) {
    const video = document.createElement("video");
    video.muted = true;
    video.width = 40;
    const end = (what) => { if (what) broken.push(name + ": " + what); if (!--left) done(); };
    video.onended = () => end(video.videoWidth ? "" : "nothing to be seen");
    video.onerror = () => end(video.error.message);
    video.src = name;
    document.body.append(video);
    video.playbackRate = 4;
    video.play().catch((error) => end(error));
}
const done = () => { document.title = broken.length ? "failed: " + broken.join("; ") : "drawn"; };
</script>"""


def test_every_rendition_plays_to_its_end_in_a_browser(
    made: dict[str, tuple[Path, str, Path]], tmp_path: Path
) -> None:
    results = [result for _, _, result in made.values() if result.exists()]
    for result in results:
        (tmp_path / result.name).write_bytes(result.read_bytes())
    page = tmp_path / "page.html"
    page.write_text(PAGE.replace("NAMES", json.dumps([result.name for result in results])))
    picture_of(page)
    print(f"{len(results)} of {len(CASES)} clips were made and played, the others refused.")
