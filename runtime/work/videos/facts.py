"""Facts about a video before it is processed, and rejections that follow from them. Pure."""

from dataclasses import dataclass

from runtime.rejection import Reason, Rejected


@dataclass(frozen=True, kw_only=True)
class VideoLimits:
    """Limits beyond which a video is rejected. pixels: per frame; 4,096 x 2,304 exceeds DCI 4K and UHD."""

    seconds: int
    bytes: int
    pixels: int = 4096 * 2304


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts about a video from its index and its first frame.

    Attributes:
        seconds: duration; 0 if the file does not say.
        width, height: as stored, before `turned` and `stretched`.
        turned: FFmpeg filters that rotate it upright, such as "transpose=clock", or "".
        stretched: pixel aspect ratio, width divided by height.
        codec, audio: their names in FFmpeg; audio is empty without sound.
        frames_per_second: on average, or as FFmpeg guesses; 0 if unknown.
        hdr: whether its colours exceed what browsers display, and are tone-mapped.
        says_no_colours: whether the YUV matrix has to be guessed.
        interlaced: whether fields have to be deinterlaced.
    """

    seconds: float
    width: int
    height: int
    codec: str
    frames_per_second: float
    audio: str = ""
    turned: str = ""
    stretched: float = 1
    hdr: bool = False
    says_no_colours: bool = False
    interlaced: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as displayed: upright, with square pixels."""
        width, height = max(1, round(self.width * self.stretched)), self.height
        return (height, width) if "transpose" in self.turned else (width, height)

    @property
    def summary(self) -> dict[str, object]:
        """Return the manifest's facts about the source."""
        width, height = self.size
        return {
            "width": width,
            "height": height,
            "seconds": round(self.seconds, 3),
            "frames_per_second": round(self.frames_per_second, 3),
            "codec": self.codec,
            "audio": self.audio or None,
            "hdr": self.hdr,
        }


def check_facts(facts: Facts, limits: VideoLimits) -> None:
    """Check facts against limits. Raises Rejected TOO_MANY_PIXELS or TOO_LONG."""
    if facts.width * facts.height > limits.pixels:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"Its pictures have {facts.width:,} x {facts.height:,} pixels; at most {limits.pixels:,} are "
            "accepted. Upload it as 4K or smaller.",
        )
    check_seconds(facts.seconds, limits)


def check_seconds(seconds: float, limits: VideoLimits) -> None:
    """Check a duration against the limit. Raises Rejected TOO_LONG."""
    if seconds > limits.seconds:
        raise Rejected(
            Reason.TOO_LONG,
            f"It lasts {seconds:,.0f} seconds; at most {limits.seconds:,} are accepted. Upload it in parts.",
        )
