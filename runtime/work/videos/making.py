"""Makes the MP4 and the poster, in the child process: decodes, filters and encodes frame by frame."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from runtime.rejection import Reason, Rejected
from runtime.work.videos.containers import truncated
from runtime.work.videos.facts import Facts, VideoLimits, check_seconds
from runtime.work.videos.reading import converting, decoded, pictures_of, sound_of
from runtime.work.videos.rendition import (
    AUDIO_BITS_PER_SECOND,
    AUDIO_RATE,
    ENCODER,
    FRAMES_PER_SECOND,
    MP4,
    POSTER,
    filters,
    size_of,
)

POSTER_SECONDS = 10.0
"""How many seconds from the start are searched for a poster that is not of a single colour."""
PLAIN_LUMA_RANGE = 24
"""A frame whose luma spans at most this many of 220 levels is plain; the poster is the first that is not."""
HELD_SECONDS, AHEAD, AGAIN = 1, 3, 3600
"""A frame shown for longer than HELD_SECONDS is encoded AHEAD more times, at most AGAIN ticks (40 ms) apart.

x264's reordering needs that many.
"""
AAC_SAMPLES = 1024
Packets = Sequence[Any]
"""Encoded packets for the container."""
_CLOCK = Fraction(1, 90_000)
_BT709, _LIMITED = 1, 1
"""A code point of ITU-T H.273, and FFmpeg's AVCOL_RANGE_MPEG (H.273's full-range flag would be 0)."""
_ENOUGH = 0.9
"""Share of the duration in the index that must be decodable, less one second: tracks may differ in length."""


@dataclass(kw_only=True)
class Pictures:
    """Encodes decoded frames into the MP4's video track, upright and resized, and picks the poster."""

    facts: Facts
    track: VideoStream
    threads: int
    poster: VideoFrame | None = field(default=None, init=False)
    seconds: float = field(default=0, init=False)
    """Time of the end of the last frame so far."""
    _graph: Graph | None = field(default=None, init=False)
    _kind: tuple[Any, ...] = field(default=(), init=False)
    _latest: VideoFrame | None = field(default=None, init=False)
    _last: int = field(default=-1, init=False)
    _poster_is_good: bool = field(default=False, init=False)

    def take(self, frame: VideoFrame) -> Iterator[Packets]:
        """Encode a frame; its time is relative to the beginning of the file."""
        kind = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)
        if kind != self._kind:
            yield from self._through(None)
            with converting():
                self._graph, self._kind = self._made(frame), kind
        yield from self._through(frame)

    def finish(self) -> Iterator[Packets]:
        """Yield the remaining packets."""
        yield from self._through(None)
        yield from self._held(round(self.seconds / _CLOCK))
        yield self.track.encode(None)

    def _made(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = self.threads
        told = f":colorspace={frame.colorspace}:range={frame.color_range}:time_base={_CLOCK}"
        begin = graph.add(
            "buffer", f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}{told}"
        )
        nodes = [begin, *(graph.add(name, options) for name, options in filters(self.facts))]
        graph.link_nodes(*nodes, graph.add("buffersink")).configure()
        return graph

    def _through(self, frame: VideoFrame | None) -> Iterator[Packets]:
        for one in _filtered(self._graph, frame):
            lasts = round(one.duration * one.time_base / _CLOCK) or self._step
            one.pts, one.time_base = round(one.pts * one.time_base / _CLOCK), _CLOCK
            one.duration = lasts
            if one.pts <= self._last:
                continue  # not later than the previous frame
            yield from self._held(one.pts)
            self._latest, self._last = one, one.pts
            self._look(one)
            one.pict_type = 0  # otherwise the source's would be kept
            yield self.track.encode(one)
            self.seconds = float((one.pts + lasts) * _CLOCK)

    def _held(self, until: int) -> Iterator[Packets]:
        """Encode the latest frame again, right before `until`, if the gap is long; yield the packets.

        Without this, the MP4 would claim to end where the last frames before the gap end.
        """
        if self._latest and (until - self._last) * _CLOCK > HELD_SECONDS:
            step = self._latest.duration = min(self._step, AGAIN)
            for again in range(AHEAD, 0, -1):
                self._latest.pts = until - again * step
                yield self.track.encode(self._latest)

    @property
    def _step(self) -> int:
        """Return the time from one frame to the next, in ticks of `_CLOCK`."""
        return round(1 / (min(FRAMES_PER_SECOND, self.facts.frames_per_second) or 25) / _CLOCK)

    def _look(self, frame: VideoFrame) -> None:
        """Keep the frame as the poster if it is better than the one so far."""
        if self._poster_is_good or (self.poster and frame.time > POSTER_SECONDS):
            return
        plane = frame.planes[0]
        data, line = bytes(plane), plane.line_size
        light = b"".join(data[y * line : y * line + frame.width : 7] for y in range(0, frame.height, 7))
        self._poster_is_good = max(light) - min(light) > PLAIN_LUMA_RANGE
        if self._poster_is_good or self.poster is None:
            self.poster = frame.reformat(format="bgra")  # a copy: x264 keeps the original


@dataclass(kw_only=True)
class Sound:
    """Encodes decoded audio into the MP4's audio track: stereo at most, without gaps, from the beginning."""

    track: AudioStream
    seconds: float = field(default=0, init=False)
    _graph: Graph | None = field(default=None, init=False)
    _kind: tuple[Any, ...] = field(default=(), init=False)

    def take(self, frame: AudioFrame) -> Iterator[Packets]:
        """Encode a frame; its time is relative to the beginning of the file."""
        kind = (frame.sample_rate, frame.format.name, frame.layout.name)
        if kind != self._kind:
            yield from self._through(None)
            with converting():
                self._graph, self._kind = self._made(frame), kind
        yield from self._through(frame)

    def finish(self) -> Iterator[Packets]:
        """Yield the remaining packets."""
        yield from self._through(None)
        yield self.track.encode(None)

    def _made(self, frame: AudioFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        begin = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=frame.time_base,
        )
        layout, begun = self.track.layout.name, round(self.seconds * AUDIO_RATE)
        mixed = f"ochl={layout}:rematrix_maxval=1"  # or the sum of loud channels would clip
        steady = graph.add("aresample", f"{AUDIO_RATE}:async=1000:first_pts={begun}:{mixed}")
        layout = f"sample_fmts=fltp:sample_rates={AUDIO_RATE}:channel_layouts={layout}"
        graph.link_nodes(begin, steady, graph.add("aformat", layout), graph.add("abuffersink")).configure()
        graph.set_audio_frame_size(AAC_SAMPLES)
        return graph

    def _through(self, frame: AudioFrame | None) -> Iterator[Packets]:
        for one in _filtered(self._graph, frame):
            self.seconds = one.time + one.samples / AUDIO_RATE
            yield self.track.encode(one)


def _filtered(graph: Graph | None, frame: Any) -> Iterator[Any]:
    """Yield what a filter graph outputs after one input frame, or after None for the end."""
    if graph is None:
        return
    with converting():
        graph.push(frame)
    with suppress(av.error.BlockingIOError, av.error.EOFError):
        while True:
            with converting():
                one = graph.pull()
            yield one


def make(
    source: InputContainer,
    facts: Facts,
    *,
    limits: VideoLimits,
    folder: Path,
    threads: int,
    told: Callable[[float], None],
) -> dict[str, Any]:
    """Write MP4 and POSTER into `folder`, and return their facts. told: called with the share done, 0 to 1.

    Raises Rejected, MemoryError, and FFmpeg's other errors.
    """
    with encoding(), av.open(folder / MP4, "w", format="mp4", options={"movflags": "faststart"}) as made:
        seen, heard = pictures_of(source, limits), sound_of(source)
        seen.thread_type, seen.thread_count = "AUTO", threads
        pictures = Pictures(facts=facts, track=_pictures(made, facts, threads), threads=threads)
        ways: dict[int, Pictures | Sound] = {seen.index: pictures}
        if heard:
            ways[heard.index] = Sound(track=_sound(made, heard))
        for track, frame in _from_the_beginning(source, [one for one in (seen, heard) if one], limits):
            way: Any = ways[track]
            for packets in way.take(frame):
                made.mux(packets)
            told(min(1, pictures.seconds / facts.seconds) if facts.seconds else 0)
        for one in ways.values():
            for packets in one.finish():
                made.mux(packets)
    seconds = max(way.seconds for way in ways.values())
    if pictures.poster is None:
        raise Rejected(
            Reason.DAMAGED, "No picture in it can be decoded. Save it again and upload the new file."
        )
    if seconds < _ENOUGH * facts.seconds - 1:
        raise truncated()
    (folder / POSTER).write_bytes(_poster(pictures.poster))
    width, height = size_of(facts)
    return {
        "width": width,
        "height": height,
        "seconds": round(seconds, 3),
        "sound": any(isinstance(way, Sound) and way.seconds > 0 for way in ways.values()),
    }


@contextmanager
def encoding() -> Iterator[None]:
    """Raise MemoryError where x264 reports lack of memory as a failure of an external library."""
    try:
        yield
    except av.error.ExternalError as error:
        raise MemoryError(str(error)) from error


def _from_the_beginning(
    source: InputContainer, tracks: Sequence[Any], limits: VideoLimits
) -> Iterator[tuple[int, Any]]:
    """Yield frames with times relative to the file's start time; skip frames before it.

    Raises Rejected TOO_LONG for a frame that begins beyond the limit, or lasts longer than the limit.
    """
    begin = Fraction(source.start_time or 0, av.time_base)
    for track, frame in decoded(source, *tracks):
        if frame.pts is None:
            continue
        moved = frame.pts * frame.time_base - begin
        check_seconds(float(moved), limits)
        if isinstance(frame, VideoFrame):
            lasts = frame.duration * Fraction(frame.time_base or 0)
            check_seconds(float(lasts), limits)
            frame.duration, frame.time_base = round(lasts / _CLOCK), _CLOCK
        frame.pts = round(moved / frame.time_base)
        if frame.pts >= 0:
            yield track, frame


def _pictures(made: OutputContainer, facts: Facts, threads: int) -> VideoStream:
    rate = Fraction(min(float(FRAMES_PER_SECOND), facts.frames_per_second) or 25).limit_denominator(1001)
    track: VideoStream = made.add_stream("libx264", rate=rate, options=dict(ENCODER))
    coded = track.codec_context
    track.width, track.height = size_of(facts)
    track.pix_fmt = "yuv420p"
    coded.time_base = _CLOCK
    coded.flags |= Flags.frame_duration  # or the last frame would last 1 / rate
    coded.thread_count = threads
    coded.colorspace = coded.color_primaries = coded.color_trc = _BT709
    coded.color_range = _LIMITED
    return track


def _sound(made: OutputContainer, heard: AudioStream) -> AudioStream:
    track: AudioStream = made.add_stream("aac", rate=AUDIO_RATE)
    track.layout = "mono" if heard.layout.nb_channels == 1 else "stereo"
    track.format = "fltp"
    track.bit_rate = AUDIO_BITS_PER_SECOND
    return track


def _poster(frame: VideoFrame) -> bytes:
    coder = av.CodecContext.create("libwebp", "w")
    coder.width, coder.height, coder.pix_fmt, coder.time_base = frame.width, frame.height, "bgra", _CLOCK
    coder.options = {"quality": "80"}
    frame.pts, frame.time_base = 0, _CLOCK
    return b"".join(bytes(packet) for packet in [*coder.encode(frame), *coder.encode(None)])
