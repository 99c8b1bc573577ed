"""A region of an image, resized, rotated and coloured as requested: what an image server does."""

import math
import threading
from dataclasses import dataclass
from enum import StrEnum

import pyvips

from runtime.imaging.engine import conversion, decoding, source
from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.limits import Limits
from runtime.imaging.opening import loading, prepared, whole
from runtime.imaging.probe import check_pixels

QUALITY = 80
EFFORT_ON_THE_FLY = 2
"""WebP effort, 0-6: low, since a client waits, and frequent requests are cached."""
WHITE = 255
IN_MEMORY_PIXELS = 16_000_000


class Colours(StrEnum):
    """Colours of the response. Bitonal: black and white only."""

    COLOR = "color"
    GRAY = "gray"
    BITONAL = "bitonal"


class Encoding(StrEnum):
    """The three output formats, by their usual extensions."""

    JPG = "jpg"
    PNG = "png"
    WEBP = "webp"


@dataclass(frozen=True, kw_only=True)
class Transform:
    """A region of an image, and how to transform it.

    left, top, width, height: the region of the upright image, in its pixels.

    to_width, to_height: its new size in pixels, before it is mirrored and then rotated clockwise by
        `degrees`.
    """

    left: int
    top: int
    width: int
    height: int
    to_width: int
    to_height: int
    mirror: bool = False
    degrees: float = 0
    colours: Colours = Colours.COLOR

    @property
    def level(self) -> int:
        """How many times the image can be halved and still have enough pixels for this region."""
        level = 0
        while (
            level < 32
            and _has(self.width, level + 1, self.to_width)
            and _has(self.height, level + 1, self.to_height)
        ):
            level += 1
        return level

    @property
    def factor(self) -> float:
        """Source pixels per output pixel in the direction that shrinks less; below 1 means enlargement."""
        return min(self.width / self.to_width, self.height / self.to_height)


def upright(header: Header) -> tuple[int, int]:
    """Return width and height in pixels after applying the EXIF orientation."""
    turned = header.orientation >= 5
    return (header.height, header.width) if turned else (header.width, header.height)


def transform(data: bytes, header: Header, limits: Limits, asked: Transform) -> pyvips.Image:
    """Apply `asked` to a file that is used only once, decoding no more than needed.

    The result is in memory, sRGB or grey, 8 bits. data, header: from `ready` (runtime/imaging/opening.py).

    Raises Rejected TRUNCATED, DAMAGED, or TOO_MANY_PIXELS when the header has more pixels than are accepted,
    and MemoryError or OSError as `decoding` does.
    """
    with decoding(data, header.format):
        check_pixels(header.width, header.height, header, limits)
        is_whole = (asked.width, asked.height) == upright(header)
        is_upright = header.orientation == 1
        if is_upright and (header.format is Format.JPEG or not is_whole):
            image = _resize(_crop_on_load(data, header, asked), asked)
        elif is_whole:
            image = whole(data, header, asked.to_width, asked.to_height, size="force")
        else:
            image = _resize(whole(data, header, *upright(header), size="down").crop(*_box(asked)), asked)
        # A rotation needs the rows in a different order from the decoder's.
        image = image.copy_memory() if asked.degrees % 360 else image
        return _finish(image, asked).copy_memory()


class Pyramid:
    """A decoded image, and copies at 1/2, 1/4 and so on of its width and height, each made on first use.

    It serves many requests for one image but decodes the image only once. It takes at most `size_of(header)`
    bytes, not counting the file. Its methods are thread-safe.
    """

    def __init__(self, data: bytes, header: Header, limits: Limits) -> None:
        """Decode the whole image. Raises Rejected as the function `transform` does."""
        with decoding(data, header.format):
            check_pixels(header.width, header.height, header, limits)
            self._levels = [whole(data, header, *upright(header), size="down")]
        self._lock = threading.Lock()

    def transform(self, asked: Transform) -> pyvips.Image:
        """Apply `asked` to the decoded image; a region at its original size is not copied."""
        level = asked.level
        image, scale = self._level(level), 2**level
        left, top = asked.left // scale, asked.top // scale
        right = min(image.width, math.ceil((asked.left + asked.width) / scale))
        bottom = min(image.height, math.ceil((asked.top + asked.height) / scale))
        part = image.crop(left, top, max(1, right - left), max(1, bottom - top))
        made = _finish(_resize(part, asked), asked)
        return part if made is part else made.copy_memory()

    def _level(self, level: int) -> pyvips.Image:
        with self._lock:
            while len(self._levels) <= level:
                self._levels.append(_halve(self._levels[-1]))
            return self._levels[level]


def size_of(header: Header) -> int:
    """Return the maximum bytes of the whole pyramid: four per pixel, and a third more for smaller levels."""
    return header.width * header.height * 4 * 4 // 3


def _has(side: int, level: int, wanted: int) -> bool:
    return math.ceil(side / (1 << level)) >= max(wanted, 2)


def _crop_on_load(data: bytes, header: Header, asked: Transform) -> pyvips.Image:
    """Return a region, decoding no further than its end; a JPEG is shrunk on load by a factor of up to 8."""
    shrink = 1
    options: dict[str, str | int] = {"access": "sequential", **loading(header)}
    if header.format is Format.JPEG:
        shrink = max(by for by in (1, 2, 4, 8) if by <= max(1, asked.factor))
        options["shrink"] = shrink
    image = prepared(pyvips.Image.new_from_source(source(data), "", **options), header)
    left, top, width, height = _box(asked)
    left, top = min(left // shrink, image.width - 1), min(top // shrink, image.height - 1)
    right = min(image.width, max(left + 1, round((asked.left + width) / shrink)))
    bottom = min(image.height, max(top + 1, round((asked.top + height) / shrink)))
    part = image.crop(left, top, right - left, bottom - top)
    # Reducing a part in memory costs a third of reducing it row by row from a decoder.
    return part.copy_memory() if part.width * part.height <= IN_MEMORY_PIXELS else part


def _box(asked: Transform) -> tuple[int, int, int, int]:
    return asked.left, asked.top, asked.width, asked.height


def _resize(part: pyvips.Image, asked: Transform) -> pyvips.Image:
    """Return the region at the requested size, in sRGB or grey; its aspect ratio may change."""
    converted = conversion(part)
    is_done = (part.width, part.height) == (asked.to_width, asked.to_height) and part.format == "uchar"
    if is_done and not converted:
        return part
    return part.thumbnail_image(
        asked.to_width, height=asked.to_height, size="force", no_rotate=True, **converted
    )


def _halve(image: pyvips.Image) -> pyvips.Image:
    """Halve by Lanczos; odd sides first grow by a pixel, so that scales are exact and tiles fit together."""
    even = image.embed(0, 0, image.width + image.width % 2, image.height + image.height % 2, extend="copy")
    return even.thumbnail_image(
        even.width // 2, height=even.height // 2, size="force", no_rotate=True
    ).copy_memory()


def _finish(image: pyvips.Image, asked: Transform) -> pyvips.Image:
    if asked.mirror:
        image = image.fliphor()
    if asked.degrees % 90:
        opaque = image if image.hasalpha() else image.bandjoin(255)
        image = opaque.similarity(angle=asked.degrees, background=[0] * opaque.bands)
    elif asked.degrees % 360:
        image = image.rot(f"d{asked.degrees % 360:.0f}")
    if asked.colours is Colours.COLOR:
        return image
    grey = image.flatten(background=WHITE) if image.hasalpha() and asked.colours is Colours.BITONAL else image
    grey = grey.colourspace("b-w")
    return grey > 128 if asked.colours is Colours.BITONAL else grey
