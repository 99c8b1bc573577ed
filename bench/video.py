"""Making the MP4 of a video: our CPU against ffmpeg's, and estimates against measurements of random clips."""

import json
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from rich.progress import track

from bench.measure import ROOT, Run, interleaved, ratio, run, save, sized
from runtime.work.videos.estimate import estimate
from runtime.work.videos.facts import Facts, VideoLimits
from runtime.work.videos.rendition import AUDIO_BITS_PER_SECOND, ENCODER, filters
from tests.support.clips import Clip, make_clip

ROUNDS, COUNT, SEED = sized(5, 1), sized(30, 2), 1
PEER = ROOT / "bench" / "peers" / "video.py"
THREADS = "2"
NO_LIMITS = VideoLimits(seconds=7200, bytes=10**12)
CODECS = {
    "h264": ("libx264", "mp4", "yuv420p", {"preset": "ultrafast"}),
    "hevc": ("libx265", "mp4", "yuv420p", {"preset": "ultrafast", "x265-params": "log-level=error"}),
    "vp8": ("libvpx", "webm", "yuv420p", {"deadline": "realtime", "cpu-used": "8"}),
    "vp9": ("libvpx-vp9", "webm", "yuv420p", {"deadline": "realtime", "cpu-used": "8"}),
    "av1": ("libsvtav1", "mkv", "yuv420p", {"preset": "12"}),
    "mpeg4": ("mpeg4", "mp4", "yuv420p", {}),
    "mpeg2video": ("mpeg2video", "mkv", "yuv420p", {}),
    "mjpeg": ("mjpeg", "mov", "yuvj420p", {}),
    "prores": ("prores_ks", "mov", "yuv422p10le", {}),
}
"""How clips are made with each codec: encoder, container, pixel format, options."""
SIZES = ((480, 360), (854, 480), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
SMALLER = sized(1, 4)
"""Factor by which --smallest divides widths and heights."""
CALIBRATION = Clip(width=1280 // SMALLER, height=720 // SMALLER, frames=50, grain=8)
CALIBRATION_SECONDS = 1.6
"""CPU seconds that CALIBRATION's MP4 took in the run in which the estimates were fitted."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The estimates for one clip, and its measured run.

    estimated: CPU seconds on this machine. memory_mb: peak memory, estimated too.
    """

    codec: str
    estimated: float
    memory_mb: float
    measured: Run

    @property
    def ratio(self) -> float:
        """Ratio of estimated to measured CPU."""
        return self.estimated / self.measured.cpu


def ours(file: Path, folder: Path) -> list[str | Path]:
    return [sys.executable, PEER, file, folder, THREADS]


def theirs(file: Path, folder: Path, facts: Facts) -> list[str | Path]:
    """Return ffmpeg's command with our filters and encoder settings."""
    chain = ",".join(f"{name}={options}" if options else name for name, options in filters(facts))
    encoder = [part for name, value in ENCODER.items() for part in (f"-{name}:v", value)]
    return [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-threads", THREADS, "-i", file),
        *("-filter_threads", THREADS, "-vf", chain, "-c:v", "libx264", "-threads", THREADS, *encoder),
        *("-c:a", "aac", "-b:a", str(AUDIO_BITS_PER_SECOND), "-movflags", "+faststart"),
        *("-video_track_timescale", "90000", folder / "theirs.mp4"),
    ]


def told(ran: Run) -> dict[str, Any]:
    """Return what bench/peers/video.py printed."""
    return dict(json.loads(ran.printed))


def clips() -> dict[str, Clip]:
    """Return clips for the comparison with ffmpeg."""
    coding = CODECS["h264"][3]
    full = Clip(width=1920 // SMALLER, height=1080 // SMALLER, frames=sized(250, 10), grain=8, coding=coding)
    high = Clip(width=3840 // SMALLER, height=2160 // SMALLER, frames=sized(125, 5), grain=8, coding=coding)
    return {"1080p of 10 s": full, "4K of 5 s": high}


def drawn(seed: int, count: int) -> Iterator[tuple[str, str, Clip]]:
    """Yield codec, file extension and clip: the codecs in turn, the clip's properties at random."""
    chosen = random.Random(seed)
    for number in range(count):
        codec = list(CODECS)[number % len(CODECS)]
        encoder, ending, pixels, coding = CODECS[codec]
        width, height = (edge // SMALLER // 2 * 2 for edge in chosen.choice(SIZES))
        clip = Clip(
            width=width,
            height=height,
            frames=chosen.randint(30, 60),
            rate=chosen.choice((24, 25, 30, 50)),
            codec=encoder,
            pixels=pixels,
            sound=chosen.choice(("", "libopus" if ending == "webm" else "aac")),
            grain=chosen.choice((0, 2, 6, 12, 20, 30)),
            still=chosen.random() < 0.1,
            coding=coding,
        )
        yield codec, ending, clip


def against_ffmpeg(folder: Path) -> tuple[list[list[str]], dict[str, float]]:
    """Return rows of the table, and figures."""
    rows, figures = [], {}
    for name, clip in clips().items():
        file = make_clip(folder / "clip.mp4", clip)
        facts = Facts(**told(run(ours(file, folder)))["facts"])
        found = interleaved({"ours": ours(file, folder), "ffmpeg": theirs(file, folder, facts)}, ROUNDS)
        cpu = {who: [one.cpu for one in runs] for who, runs in found.items()}
        times, peak = ratio(cpu["ours"], cpu["ffmpeg"]), max(told(one)["peak_mb"] for one in found["ours"])
        medians = [f"{statistics.median(cpu[who]):.1f} s" for who in ("ours", "ffmpeg")]
        rows.append([name, *medians, f"{times:.2f}x", f"{peak:.0f} MB"])
        figures[f"{name}: of ffmpeg's CPU"] = round(times, 3)
    return rows, figures


def estimated(folder: Path, seed: int, count: int) -> list[Compared]:
    """Measure each clip right after a calibration of this machine's speed."""
    compared = []
    calibration = make_clip(folder / "calibration.mp4", CALIBRATION)
    for codec, ending, clip in track([*drawn(seed, count)], description=f"seed {seed}"):
        speed = run(ours(calibration, folder)).cpu / CALIBRATION_SECONDS
        file = make_clip(folder / f"clip.{ending}", clip)
        ran = run(ours(file, folder))
        facts = Facts(**told(ran)["facts"])
        found = estimate(facts, file.stat().st_size, NO_LIMITS)
        compared.append(
            Compared(
                codec=codec, estimated=found.cpu_seconds * speed, memory_mb=found.memory_mb, measured=ran
            )
        )
    return compared


def work(tree: Path, stack: ExitStack) -> dict[str, Callable[[], float]]:
    """Return, by name, functions that measure the CPU that a checkout spends on a clip's MP4."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    file = make_clip(folder / "clip.mp4", CALIBRATION)
    command: list[str | Path] = [sys.executable, tree / PEER.relative_to(ROOT), file, folder, THREADS]
    return {"a clip of two seconds": lambda: run(command, tree=tree).cpu}


def main() -> None:
    """Run both comparisons and store the result."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rows, figures = against_ffmpeg(folder)
        compared = estimated(folder, SEED, COUNT)
    for one in sorted(compared, key=lambda one: one.ratio):
        sys.stdout.write(f"{one.codec}: {one.estimated:.1f} s estimated, {one.measured.cpu:.1f} s taken\n")
    head = ["video", "our CPU", "ffmpeg's CPU", "ours / ffmpeg's", "our peak"]
    save("video", {"figures": figures, "table": [head, *rows]})
    ratios = {
        "CPU": [one.ratio for one in compared],
        "memory": [one.memory_mb / told(one.measured)["peak_mb"] for one in compared],
    }
    spread = [
        [f"{what} of {len(compared)} clips", *(f"{of(found):.2f}" for of in (min, statistics.median, max))]
        for what, found in ratios.items()
    ]
    save("video-estimates", {"table": [["estimated / taken", "least", "median", "most"], *spread]})


if __name__ == "__main__":
    main()
