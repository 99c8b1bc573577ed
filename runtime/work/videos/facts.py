"""What is known of a video before it is worked on, and what is refused by it. Pure."""

from dataclasses import dataclass

from runtime.rejection import Reason, Rejected


@dataclass(frozen=True, kw_only=True)
class VideoLimits:
    """Beyond them a video is rejected. pixels: of one picture; 4,096 x 2,304, which is more than any 4K."""

    seconds: int
    bytes: int
    pixels: int = 4096 * 2304


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Of a video, by its index and its first picture.

    Attributes:
        seconds: 0 where the file does not say.
        width, height: as stored, before `turned` and `stretched`.
        turned: how the picture is put upright: "", or filters of FFmpeg such as "transpose=clock".
        stretched: the width of a pixel by its height.
        codec, audio: their names in FFmpeg; audio is empty where there is no sound.
        frames_per_second: on average.
        hdr: whether its colours are brighter or wider than a browser's, and are mapped to those.
        says_no_colours: whether which YUV it is has to be guessed.
        interlaced: whether a picture is two half pictures, of which whole ones are made.
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
        """Width and height as it is looked at: upright, with square pixels."""
        width, height = round(self.width * self.stretched), self.height
        return (height, width) if "transpose" in self.turned else (width, height)

    @property
    def told(self) -> dict[str, object]:
        """What the manifest says of the source."""
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
