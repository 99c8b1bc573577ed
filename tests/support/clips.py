"""Videos made by code, identical each time.

`python3 -m tests.support.clips FILE` writes the sample video, test-pattern.mp4, to FILE.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy
from av.filter import Graph
from av.video.frame import VideoFrame

_CLOCK = Fraction(1, 90_000)
_RATE = 48_000


@dataclass(frozen=True, kw_only=True)
class Clip:
    """The contents of a video.

    Attributes:
        codec, sound: FFmpeg's encoders; no audio if sound is empty.
        grain: noise of each frame: 0 to 100, as in FFmpeg's filter.
        turned: degrees by which a player rotates the frames counterclockwise.
        trc, primaries: as in ITU-T H.273; HDR has 16 (PQ) or 18 (HLG), and 9 (BT.2020).
        jitter: share of a frame's duration by which it is early or late: a variable frame rate.
        options: of the container, such as movflags.
    """

    width: int = 320
    height: int = 240
    frames: int = 50
    rate: int = 25
    codec: str = "libx264"
    pixels: str = "yuv420p"
    sound: str = "aac"
    grain: int = 0
    still: bool = False
    turned: int = 0
    trc: int = 1
    primaries: int = 1
    jitter: float = 0
    coding: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


def make_clip(file: Path, clip: Clip | None = None) -> Path:
    """Write a clip in the container format of the file's extension; return `file`."""
    clip = clip or Clip()
    made: Any
    with av.open(file, "w", options=dict(clip.options)) as made:
        seen: Any = _seen(made, clip) if clip.frames else None
        heard: Any = made.add_stream(clip.sound, rate=_RATE, layout="stereo") if clip.sound else None
        for frame in _pictures(clip) if seen else ():
            made.mux(seen.encode(frame))
        for sound in _sounds(clip, heard.codec_context.frame_size, heard.format.name) if heard else ():
            made.mux(heard.encode(sound))
        for track in (seen, heard):
            made.mux(track.encode(None) if track else [])
    return file


def _seen(made: Any, clip: Clip) -> Any:
    track = made.add_stream(clip.codec, rate=clip.rate, options=dict(clip.coding))
    track.width, track.height, track.pix_fmt = clip.width, clip.height, clip.pixels
    coded = track.codec_context
    coded.color_trc, coded.color_primaries, coded.colorspace = clip.trc, clip.primaries, clip.primaries
    if clip.jitter:
        coded.time_base = Fraction(1, 1000)
    if clip.turned:
        track.set_display_rotation(clip.turned)
    return track


def _pictures(clip: Clip) -> Iterator[VideoFrame]:
    graph = Graph()
    source = graph.add("testsrc2", f"size={clip.width}x{clip.height}:rate={clip.rate}")
    noise = graph.add("noise", f"all_seed=7:alls={clip.grain}:allf=t")
    graph.link_nodes(source, noise, graph.add("format", clip.pixels), graph.add("buffersink")).configure()
    first = None
    for number in range(clip.frames):
        frame = first if clip.still and first else graph.vpull()
        first = first or frame
        late = clip.jitter * (-1) ** number if number else 0
        frame.pts, frame.time_base = round((number + late) / clip.rate / _CLOCK), _CLOCK
        frame.pict_type = 0
        yield frame


def _sounds(clip: Clip, size: int, sample_format: str) -> Iterator[av.AudioFrame]:
    """Yield a tone."""
    total = _RATE * max(clip.frames, clip.rate) // clip.rate
    wave = (numpy.sin(numpy.arange(total) * 2 * numpy.pi * 440 / _RATE) / 2).astype(numpy.float32)
    resampler = av.AudioResampler(format=sample_format, layout="stereo", rate=_RATE)
    size = size or 1024
    for at in range(0, total, size):
        part = numpy.ascontiguousarray(numpy.stack([wave[at : at + size]] * 2))
        frame = av.AudioFrame.from_ndarray(part, "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = _RATE, at, Fraction(1, _RATE)
        yield from resampler.resample(frame)


if __name__ == "__main__":
    make_clip(Path(sys.argv[1]), Clip(width=640, height=360, frames=75))
