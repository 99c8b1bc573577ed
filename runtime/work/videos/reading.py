"""Reading a video with PyAV, in the child process: its facts, and FFmpeg's errors as rejections."""

import errno
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import av
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from runtime.rejection import Reason, Rejected
from runtime.work.videos.containers import Kind, encrypted
from runtime.work.videos.estimate import CODECS
from runtime.work.videos.facts import Facts, VideoLimits, check_facts

if TYPE_CHECKING:
    from io import RawIOBase

SOUNDS = ("aac", "mp3", "opus", "vorbis", "flac", "alac", "ac3", "eac3")
"""Supported audio codecs; PCM is supported too."""
_DECODERS = (
    *("libdav1d", "libvpx", "libvpx-vp9", "mp3float", "libopus"),
    *(name for name in sorted(av.codecs_available) if name.startswith("pcm_")),
)
"""Further decoders to allow: PCM, and those whose names differ from their codecs' names."""
_FEW, _FEW_OF_A_HUNDRED = 3, 2
"""Three packets, or 2 % if that is more, may fail: many cameras write bad packets, which players skip."""
_FIRST = 1_000
"""Minimum number of packets to assume if the file does not give their number, until more are read."""
_DEMUXERS = {Kind.MP4: "mov", Kind.MOV: "mov", Kind.WEBM: "matroska", Kind.MATROSKA: "matroska"}
_ENCRYPTED = ("encv", "enca")
_DOLBY_ONLY = ("dvh1", "dvhe", "dvav", "dva1", "dav1")
"""Tags of Dolby Vision without a fallback for other players: https://mp4ra.org/registered-types/codecs"""
_PQ, _HLG, _BT2020, _UNSPECIFIED = 16, 18, 9, 2
"""ITU-T H.273, tables 2 to 4."""
_TURNS = {
    (1, 0, 0, 1): "",
    (0, 1, -1, 0): "transpose=clock",
    (-1, 0, 0, -1): "hflip,vflip",
    (0, -1, 1, 0): "transpose=cclock",
    (-1, 0, 0, 1): "hflip",
    (1, 0, 0, -1): "vflip",
    (0, 1, 1, 0): "transpose=cclock_flip",
    (0, -1, -1, 0): "transpose=clock_flip",
}
"""Filters that turn a frame upright, by the signs of a, b, c and d in its display matrix."""
_BUFFER = 256 * 1024
_MAX_AUDIO_RATE = 768_000
"""Hertz: twice the highest rate of studio recorders. A resampler's memory grows with the rate."""


@contextmanager
def opened(file: "str | RawIOBase", kind: Kind) -> Iterator[InputContainer]:
    """Open a file with only its kind's demuxer and CODECS, SOUNDS and _DECODERS. Raises Rejected."""
    with refusing():
        container: InputContainer = av.open(
            file,
            "r",
            format=_DEMUXERS[kind],
            options={"codec_whitelist": ",".join((*CODECS, *SOUNDS, *_DECODERS))},
            buffer_size=_BUFFER,
            metadata_errors="replace",  # titles in any encoding: they are not used
        )
    with container:
        yield container


@contextmanager
def refusing() -> Iterator[None]:
    """Turn FFmpeg's errors into Rejected, or into MemoryError or OSError if memory or disk is at fault."""
    try:
        yield
    except av.error.MemoryError as error:
        raise MemoryError(str(error)) from error
    except av.error.FFmpegError as error:
        if isinstance(error, OSError) and error.errno != errno.EIO:  # demuxers report EIO for damaged files
            raise OSError(str(error)) from error
        message = (
            f"It cannot be decoded ({error.strerror}): it is damaged. Save it again and upload the new file."
        )
        raise Rejected(Reason.DAMAGED, message) from error


@contextmanager
def converting() -> Iterator[None]:
    """Turn the errors of a filter graph into Rejected: pictures or sound of this kind cannot be converted."""
    try:
        yield
    except (av.error.MemoryError, av.error.BlockingIOError, av.error.EOFError):
        raise
    except av.error.FFmpegError as error:
        message = f"Its pictures or sound cannot be converted ({error.strerror}). Save it with H.264 and AAC."
        raise Rejected(Reason.UNSUPPORTED_FORMAT, message) from error


def pictures_of(container: InputContainer, limits: VideoLimits) -> VideoStream:
    """Return the video track. Raises Rejected."""
    covers = av.stream.Disposition.attached_pic
    tracks = [one for one in container.streams.video if not one.disposition & covers]
    if not tracks:
        raise Rejected(Reason.NO_VIDEO, "There are no moving pictures in it. Upload a video.")
    track = next((one for one in tracks if one.disposition & av.stream.Disposition.default), tracks[0])
    name = _codec(track)
    if name not in CODECS:
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            f"Its codec, {name or 'an unknown one'}, is not supported. Save it with H.264.",
        )
    tag = _tag(track)
    if tag in _ENCRYPTED:
        raise encrypted()
    if tag in _DOLBY_ONLY:
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            "Its colours are in Dolby Vision alone, which is not supported. Save it as SDR or HDR10.",
        )
    track.codec_context.options = {"max_pixels": str(limits.pixels)}
    return track


def sound_of(container: InputContainer) -> Any:
    """Return the audio track, or None. Raises Rejected for an unsupported one."""
    if not container.streams.audio:
        return None
    track: Any = container.streams.best("audio") or container.streams.audio[0]
    name = _codec(track)
    if name and _tag(track) in _ENCRYPTED:
        raise encrypted()
    if name not in SOUNDS and not name.startswith("pcm_"):
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            f"Its audio codec, {name or 'an unknown one'}, is not supported. Save it with AAC.",
        )
    if track.rate > _MAX_AUDIO_RATE:
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            f"Its sound has a sample rate of {track.rate} Hz, and at most {_MAX_AUDIO_RATE} are supported. "
            "Save it with 48000 Hz.",
        )
    if track.layout.nb_channels > 2 and track.layout.name.endswith("channels"):
        raise Rejected(
            Reason.UNSUPPORTED_FORMAT,
            f"Its sound has {track.layout.name} and does not say which is which. Save it in stereo.",
        )
    return track


def facts_of(container: InputContainer, limits: VideoLimits) -> Facts:
    """Return facts from the index and the first frame. Raises Rejected."""
    track, sound = pictures_of(container, limits), sound_of(container)
    coded = track.codec_context
    known: dict[str, Any] = {
        "seconds": _seconds(container, [one for one in (track, sound) if one]),
        "codec": _codec(track),
        "audio": _codec(sound) if sound else "",
        "frames_per_second": _rate(track),
    }
    check_facts(Facts(width=coded.width, height=coded.height, **known), limits)
    _, first = next(decoded(container, track), (0, None))
    if first is None:
        raise Rejected(
            Reason.DAMAGED, "There is not a single picture in it. Save it again and upload the new file."
        )
    stretched = float(track.sample_aspect_ratio or coded.sample_aspect_ratio or 1) or 1
    facts = Facts(
        width=first.width,
        height=first.height,
        turned=turned(first),
        stretched=stretched if 0.1 < stretched < 10 else 1,
        hdr=first.color_trc in (_PQ, _HLG) or first.color_primaries == _BT2020,
        says_no_colours=first.colorspace == _UNSPECIFIED,
        interlaced=bool(first.interlaced_frame),
        **known,
    )
    check_facts(facts, limits)
    return facts


def decoded(container: InputContainer, *tracks: Any) -> Iterator[tuple[int, Any]]:
    """Yield the frames of some tracks in order, each with its track's index.

    Raises Rejected, for example if more than a few packets cannot be decoded.
    """
    packets, read, bad = container.demux(tracks), 0, 0
    expected = sum(track.frames for track in tracks) or max(_FIRST, _frames(container, tracks))
    failure: Exception | None = None
    while True:
        with refusing():
            packet = next(packets, None)
            read += packet is not None
            total = read if packet is None else max(read, expected)
            if failure and bad > _FEW and bad * 100 > total * _FEW_OF_A_HUNDRED:
                raise failure
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.error.InvalidDataError as error:
                failure, bad = error, bad + 1
                continue
        for frame in frames:
            yield packet.stream.index, frame


def turned(frame: VideoFrame) -> str:
    """Return the filters that rotate a frame upright.

    Raises Rejected if its rotation is not a multiple of 90 degrees.
    """
    sides: Any = frame.side_data
    matrix = sides.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return ""
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    signs = tuple(0 if abs(one) < 0x800 else 1 if one > 0 else -1 for one in (a, b, c, d))
    if signs not in _TURNS:
        message = "It is rotated, and not by 90, 180 or 270 degrees. Save it upright and upload it again."
        raise Rejected(Reason.UNSUPPORTED_FORMAT, message)
    return _TURNS[signs]


def _codec(track: Any) -> str:
    """Return FFmpeg's name of the codec, whichever decoder reads it; "" if none does."""
    return "" if track.codec_context is None else str(track.codec_context.codec.canonical_name)


def _tag(track: Any) -> str:
    """Return the codec's tag in the file; "" if it is not ASCII."""
    try:
        return str(track.codec_context.codec_tag)
    except UnicodeDecodeError:
        return ""


def _seconds(container: InputContainer, tracks: Sequence[Any]) -> float:
    """Return the duration of the longest track in use; unused ones, such as subtitles, may be longer."""
    if known := [float(one.duration * one.time_base) for one in tracks if one.duration and one.time_base]:
        return max(known)
    ends = [found for one in tracks if (found := _tagged(one.metadata.get("DURATION", "")))]
    end = max(ends) if ends else (container.duration or 0) / av.time_base
    return max(0, end - max(0, container.start_time or 0) / av.time_base)


def _frames(container: InputContainer, tracks: Sequence[Any]) -> int:
    """Return about how many pictures there are, by duration and frame rate; 0 if either is missing."""
    rate = max((_rate(one) for one in tracks if one.type == "video"), default=0)
    return round(_seconds(container, tracks) * rate)


def _rate(track: Any) -> float:
    return float(track.average_rate or track.guessed_rate or 0)


def _tagged(text: str) -> float:
    """Parse Matroska's duration tag of a track, 00:00:02.005000000; 0 if invalid."""
    found = re.fullmatch(r"(\d{1,9}):(\d\d):(\d\d(?:\.\d+)?)", text)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else 0
