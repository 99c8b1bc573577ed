"""Estimate for making a video's MP4, from its facts. Pure, and without FFmpeg."""

from dataclasses import dataclass

from runtime.placement.placement import MB, Estimate
from runtime.work.videos.facts import Facts, VideoLimits
from runtime.work.videos.rendition import (
    AUDIO_BITS_PER_SECOND,
    BITS_PER_SECOND,
    FRAMES_PER_SECOND,
    LARGEST_BYTES,
    size_of,
)


@dataclass(frozen=True, kw_only=True)
class Codec:
    """CPU seconds of decoding: per billion pixels, and per billion bits.

    busy: bits per pixel above which pictures cost the most to encode.
    """

    per_gigapixel: float
    per_gigabit: float
    busy: float


CODECS = {
    "h264": Codec(per_gigapixel=1.4, per_gigabit=3.3, busy=1),
    "hevc": Codec(per_gigapixel=3.1, per_gigabit=23, busy=0.5),
    "vp8": Codec(per_gigapixel=4, per_gigabit=15, busy=0.1),
    "vp9": Codec(per_gigapixel=2.3, per_gigabit=15, busy=0.65),
    "av1": Codec(per_gigapixel=2.9, per_gigabit=13, busy=0.5),
    "mpeg4": Codec(per_gigapixel=2, per_gigabit=2.4, busy=0.35),
    "mpeg2video": Codec(per_gigapixel=1.3, per_gigabit=2.4, busy=0.3),
    "mjpeg": Codec(per_gigapixel=1.7, per_gigabit=2.4, busy=0.4),
    "prores": Codec(per_gigapixel=2.7, per_gigabit=2.4, busy=3),
}
"""Fitted to what `python3 dev.py bench video` measures, as are the constants up to BYTES_ENCODED."""
ENCODED, ENCODED_BUSY = 7.0, 17.0
"""CPU seconds per billion pixels of the rendition, and the surcharge for busy pictures."""
MARGIN = 1.42
"""Safety margin of the model: pictures with the same number of bits differ in the work they take."""
START_SECONDS, TONE_SECONDS, FRAME_SECONDS, SOUND_SECONDS = 0.35, 5.0, 0.001, 0.01
"""CPU seconds: to start; added with HDR; per frame of any size; per second of sound."""
TONE = 20.0
"""Additional CPU seconds per billion pixels of a rendition that is tone-mapped from HDR."""
BASE_MB = 150
"""Memory of two interpreters, boto3 and FFmpeg's libraries."""
BYTES_DECODED, BYTES_ENCODED = 30.0, 75.0
"""Memory in bytes per pixel of a frame: for the decoder's reference frames, and for x264's lookahead."""
LEAST_BIT_RATE = 300_000
"""Assumed bit rate of a video that states no duration; it gives an upper bound on the duration."""
FARGATE_VCPUS = ((120, 1), (1200, 2))
"""vCPUs by maximum CPU seconds; four beyond the last."""


def estimate(facts: Facts, size: int, limits: VideoLimits) -> Estimate:
    """Return the estimate for making MP4 and poster. size: of the video's file, in bytes."""
    seconds = facts.seconds or min(limits.seconds, size * 8 / LEAST_BIT_RATE)
    frames = max(1.0, seconds * (facts.frames_per_second or FRAMES_PER_SECOND))
    width, height = size_of(facts)
    pixels, made = facts.width * facts.height, width * height
    codec = CODECS[facts.codec]
    bits = size * 8 / frames
    decoded = pixels * codec.per_gigapixel + bits * codec.per_gigabit
    encoded = made * (ENCODED + ENCODED_BUSY * min(1, bits / pixels / codec.busy))
    if facts.hdr:
        encoded += made * TONE
    encoded *= min(1, FRAMES_PER_SECOND / (frames / seconds))
    cpu = frames * (FRAME_SECONDS + (decoded + encoded) / 1e9) + SOUND_SECONDS * seconds
    cpu = START_SECONDS + (TONE_SECONDS if facts.hdr else 0) + MARGIN * cpu
    rendition = min(LARGEST_BYTES, seconds * (BITS_PER_SECOND + AUDIO_BITS_PER_SECOND) / 8)
    deep = 2 if facts.hdr else 1
    return Estimate(
        subject=_described(facts, seconds, size),
        memory_mb=BASE_MB + (pixels * BYTES_DECODED * deep + made * BYTES_ENCODED) / MB,
        disk_mb=(size + rendition) / MB,
        cpu_seconds=cpu,
        vcpus=next((vcpus for most, vcpus in FARGATE_VCPUS if cpu <= most), 4),
    )


def _described(facts: Facts, seconds: float, size: int) -> str:
    """Return the video in words, without an article, to follow "A"."""
    width, height = facts.size
    return f"{width:,} x {height:,} px {facts.codec} video of {seconds:,.0f} s and {size / MB:,.1f} MB"
