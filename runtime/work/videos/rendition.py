"""The rendition of a video: its size, its settings, and the filters that produce it. Pure."""

from collections.abc import Mapping, Sequence

from runtime.work.videos.facts import Facts

MP4, POSTER = "video.mp4", "poster.webp"
LONG_EDGE, SHORT_EDGE = 1920, 1080
"""1080p, landscape or portrait."""
BITS_PER_SECOND = 5_000_000
"""Maximum bit rate, averaged over two seconds; most videos take less."""
AUDIO_BITS_PER_SECOND = 128_000
AUDIO_RATE = 48_000
LARGEST_BYTES = 5 * 1024**3
"""Maximum size of one PUT: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"""
ENCODER: Mapping[str, str] = {
    "preset": "veryfast",
    "crf": "23",
    "profile": "high",
    "maxrate": str(BITS_PER_SECOND),
    "bufsize": str(2 * BITS_PER_SECOND),
}
"""Options of x264: constant quality with a maximum rate: https://trac.ffmpeg.org/wiki/Encode/H.264"""
FRAMES_PER_SECOND = 60
"""Maximum frame rate; slow motion recorded by a phone may have four times that."""
HD_LINES = 720
"""From this height up, a video that states no colour matrix is assumed to use BT.709, else BT.601 (H.273)."""
TO_SDR = ":out_primaries=bt709:out_transfer=bt709:intent=perceptual"
"""Options of libswscale's tone mapping: https://ffmpeg.org/ffmpeg-scaler.html"""


def size_of(facts: Facts) -> tuple[int, int]:
    """Return width and height of the rendition: at most 1080p, even, not enlarged (but 1 px becomes 2)."""
    width, height = facts.size
    share = min(1, LONG_EDGE / max(width, height), SHORT_EDGE / min(width, height))
    return _even(width * share), _even(height * share)


def filters(facts: Facts) -> Sequence[tuple[str, str]]:
    """Return the FFmpeg filters, with options, that turn a decoded frame into one that x264 accepts."""
    width, height = size_of(facts)
    if "transpose" in facts.turned:
        width, height = height, width
    guess = ":in_color_matrix=bt709" if facts.says_no_colours and facts.height >= HD_LINES else ""
    colours = f"out_color_matrix=bt709:out_range=tv{guess}"
    scaled = [("scale", f"{width}:{height}:flags=bicubic:{colours}")]
    if facts.hdr:  # scaled first, since tone mapping works pixel by pixel
        scaled = [
            ("scale", f"{width}:{height}:flags=bicubic"),
            ("format", "yuv420p10le"),
            ("scale", colours + TO_SDR),
        ]
    return [
        *([("bwdif", "mode=send_frame:deint=interlaced")] if facts.interlaced else []),
        *([("fps", str(FRAMES_PER_SECOND))] if facts.frames_per_second > FRAMES_PER_SECOND else []),
        *scaled,
        *(
            (name, options)
            for name, _, options in (one.partition("=") for one in facts.turned.split(","))
            if name
        ),
        ("setsar", "1"),
        ("format", "yuv420p"),
    ]


def _even(edge: float) -> int:
    """Round down to an even edge, at least 2, as 4:2:0 requires."""
    return max(2, int(edge / 2 + 1e-6) * 2)
