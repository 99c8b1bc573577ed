"""The URL grammar of the IIIF Image API 3.0: https://iiif.io/api/image/3.0/#2-uri-syntax.

Pure: parses what a path asks for, without looking at an image.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from container.service.errors import BadRequestError, NotFoundError
from runtime.imaging.transform import Colours, Encoding

PREFIX = "/iiif/3"
_BASE = re.compile(rf"{PREFIX}(?:(?:@|%40)(?P<version>[0-9a-f]{{16}}))?/(?P<rest>.*)", re.ASCII | re.DOTALL)
"""The address of an image, which may name a version, as `id` in `info.json` does."""
MAX_KEY_BYTES = 1024
"""S3's limit: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_REGION = re.compile(
    rf"(?P<name>full|square)|(?P<px>\d{{1,9}},\d{{1,9}},\d{{1,9}},\d{{1,9}})|pct:(?P<pct>{_NUMBER}(?:,{_NUMBER}){{3}})",
    re.ASCII,
)
_SIZE = re.compile(
    rf"(?P<up>\^)?(?:(?P<max>max)|pct:(?P<pct>{_NUMBER})|(?P<fit>!)(?P<fw>\d{{1,9}}),(?P<fh>\d{{1,9}})"
    r"|(?P<w>\d{1,9})?,(?P<h>\d{1,9})?)",
    re.ASCII,
)
_ROTATION = re.compile(rf"(?P<mirror>!)?(?P<degrees>{_NUMBER})", re.ASCII)
_QUALITIES = {"default": Colours.COLOR, **{one.value: one for one in Colours}}


@dataclass(frozen=True, kw_only=True)
class Region:
    """A part of the image: kind "full" or "square", or "px" or "pct" with left, top, width and height."""

    kind: str
    box: tuple[float, float, float, float] = (0, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Size:
    """A size. kind: "max", "pct" (percent), "fit" (within width and height) or "exact".

    width, height: for "exact", one may be None, which keeps the aspect ratio.
    """

    kind: str
    enlarge: bool = False
    percent: float = 0
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """A request for an image. key: of the source. version: "" unless the URL names one.

    degrees: clockwise, applied after mirroring. size_text: the size as written in the URL.
    """

    key: str
    version: str
    region: Region
    size: Size
    size_text: str
    mirror: bool
    degrees: float
    quality: str
    encoding: Encoding

    @property
    def colours(self) -> Colours:
        """The colours that the quality in the path stands for."""
        return _QUALITIES[self.quality]


@dataclass(frozen=True, kw_only=True)
class InfoRequest:
    """A request for `info.json`, of the version in the URL if it names one."""

    key: str
    version: str


@dataclass(frozen=True, kw_only=True)
class BaseRequest:
    """A request for the image's own address, which redirects to its `info.json`."""

    key: str
    version: str


def parse(raw_path: str) -> ImageRequest | InfoRequest | BaseRequest:
    """Parse a path that is still URL-encoded.

    Raises NotFoundError for a path of no known form or an empty name, BadRequestError for a wrong part.
    """
    found = _BASE.fullmatch(raw_path)
    if not found:
        raise NotFoundError(f"Images are under {PREFIX}/NAME, with %2F for each slash in the name.")
    version = found["version"] or ""
    match found["rest"].split("/"):
        case [identifier]:
            return BaseRequest(key=_key(identifier), version=version)
        case [identifier, "info.json"]:
            return InfoRequest(key=_key(identifier), version=version)
        case [identifier, *parts] if len(parts) == 4:
            return _image(_key(identifier), version, *map(_decode, parts))
        case _:
            raise NotFoundError(
                "An image's address ends in /info.json or /region/size/rotation/quality.format. "
                "Slashes in its name are written %2F."
            )


def path_of(key: str, version: str = "") -> str:
    """Return the path of an image, with the version if one is given."""
    return f"{PREFIX}{f'@{version}' if version else ''}/{quote(key, safe='~')}"


def _image(key: str, version: str, region: str, size: str, rotation: str, last: str) -> ImageRequest:
    turned = _ROTATION.fullmatch(rotation)
    if not turned or float(turned["degrees"]) > 360:
        raise BadRequestError(
            f"Rotation {_shown(rotation)}: degrees from 0 to 360, with ! before them to mirror."
        )
    quality, _, extension = last.partition(".")
    if quality not in _QUALITIES:
        raise BadRequestError(f"Quality {_shown(quality)}: one of {', '.join(_QUALITIES)}.")
    if extension not in [*Encoding]:
        raise BadRequestError(f"Format {_shown(extension)}: one of {', '.join(Encoding)}.")
    return ImageRequest(
        key=key,
        version=version,
        region=_region(region),
        size=parse_size(size),
        size_text=size,
        mirror=bool(turned["mirror"]),
        degrees=float(turned["degrees"]),
        quality=quality,
        encoding=Encoding(extension),
    )


def _region(text: str) -> Region:
    found = _REGION.fullmatch(text)
    if not found:
        raise BadRequestError(f"Region {_shown(text)}: full, square, x,y,w,h or pct:x,y,w,h.")
    if found["name"]:
        return Region(kind=found["name"])
    kind = "px" if found["px"] else "pct"
    left, top, width, height = (float(number) for number in found[kind].split(","))
    if not width or not height:
        raise BadRequestError(f"Region {_shown(text)}: widths and heights of 0 have no pixels.")
    return Region(kind=kind, box=(left, top, width, height))


def parse_size(text: str) -> Size:
    """Parse the decoded size part of a URL. Raises BadRequestError."""
    found = _SIZE.fullmatch(text)
    if not found or text.removeprefix("^") == ",":
        raise BadRequestError(
            f'Size {_shown(text)}: "max", "w,", ",h", "w,h", "!w,h" or "pct:n", with ^ before it to enlarge.'
        )
    enlarge = bool(found["up"])
    if found["max"]:
        return Size(kind="max", enlarge=enlarge)
    if found["pct"]:
        return Size(kind="pct", enlarge=enlarge, percent=float(found["pct"]))
    kind, width, height = ("fit", "fw", "fh") if found["fit"] else ("exact", "w", "h")
    return Size(
        kind=kind,
        enlarge=enlarge,
        width=int(found[width]) if found[width] else None,
        height=int(found[height]) if found[height] else None,
    )


def _key(identifier: str) -> str:
    data = unquote_to_bytes(identifier)
    try:
        key = data.decode()
    except UnicodeDecodeError:
        raise BadRequestError("The image's name is not UTF-8.") from None
    if not key:
        raise NotFoundError("The image's name is empty.")
    if len(data) > MAX_KEY_BYTES or any(ord(letter) < 32 or ord(letter) == 127 for letter in key):
        raise BadRequestError(f"The image's name has control characters, or over {MAX_KEY_BYTES:,} bytes.")
    return key


def _decode(part: str) -> str:
    """Decode one part of the path. An encoded slash (%2F) is only allowed in the image's name."""
    text = unquote_to_bytes(part).decode(errors="replace")
    if "/" in text:
        raise BadRequestError("%2F stands for a slash in the image's name, and nowhere else.")
    return text


def _shown(text: str) -> str:
    """Return the text shortened and escaped for an error message."""
    return ascii(text if len(text) <= 40 else f"{text[:40]}...")
