"""Opening a file as its header describes it, for renditions, service and pyramid alike."""

from dataclasses import replace

import pyvips

from runtime.imaging.engine import (
    conversion,
    decoding,
    has_usable_profile,
    is_unusable,
    joined,
    parted,
    source,
)
from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers import jpeg, png
from runtime.imaging.limits import Limits
from runtime.imaging.probe import check_pixels
from runtime.imaging.tones import to_srgb

END_OF_IMAGE = b"\xff\xd9"
TAIL = 1 << 17
"""Bytes at the end of a file that are examined."""
_START_OF_SCAN = b"\xff\xda"
_EIGHT_BIT_ALPHA = ("cmyk", "labs", "lab")
"""Colour spaces in which libvips takes alpha to be 0 to 255, even if it is stored with 16 bits."""


def loading(header: Header) -> dict[str, str]:
    """Return options for every load.

    Unless warnings count as errors, libvips skips tiles of a TIFF that it cannot read.
    """
    return {"fail_on": "warning" if header.tiled or header.strict else "error"}


def as_option(header: Header) -> str:
    """Return the options of `loading` as one string: thumbnail_source ignores `fail_on` as an argument.

    https://github.com/libvips/libvips/issues/5195
    """
    return f"fail_on={loading(header)['fail_on']}"


def ready(data: bytes, header: Header, limits: Limits) -> tuple[bytes, Header]:
    """Return data that decoders accept, and the header with the size and orientation that the decoder finds.

    The file is unchanged unless our decoder refuses something in it that other readers skip, or a JPEG lacks
    its end marker. Raises Rejected TRUNCATED, DAMAGED, or TOO_MANY_PIXELS when the decoder finds more pixels
    than are accepted.
    """
    data, header = repaired(data, header)
    with decoding(data, header.format):
        opened = pyvips.Image.new_from_source(source(data), "", **loading(header))
        check_pixels(opened.width, opened.height, header, limits)
        orientation = turned(opened, header, data[-TAIL:])
    return data, replace(header, width=opened.width, height=opened.height, orientation=orientation)


def repaired(data: bytes, header: Header) -> tuple[bytes, Header]:
    """Return a patched copy and its header if the decoder needs one, else both unchanged."""
    if header.patches:
        made = bytearray(data)
        for at, written in header.patches:
            made[at : at + len(written)] = written
        return bytes(made), header
    if not needs_repair(data[-TAIL:], header):
        return data, header
    if header.progressive and not jpeg.has_all_scans(data, header.bands):
        return data, header  # it ends early, which an end marker would hide
    return data + END_OF_IMAGE, replace(header, strict=True)


def needs_repair(tail: bytes, header: Header) -> bool:
    """Return whether `repaired` may change a file that ends with these bytes."""
    if header.format is not Format.JPEG:
        return bool(header.patches)
    return tail.rfind(END_OF_IMAGE) <= tail.rfind(_START_OF_SCAN)


def turned(opened: pyvips.Image, header: Header, tail: bytes) -> int:
    """Return the orientation from the decoder, our header, or an eXIf chunk after a PNG's pixels."""
    if opened.get_typeof("orientation"):
        found = int(opened.get("orientation"))
    else:
        found = header.orientation
        if found == 1 and header.format is Format.PNG:
            found = png.orientation_behind(tail)
    return found if 1 <= found <= 8 else 1


def is_plain(image: pyvips.Image, header: Header) -> bool:
    """Return whether decoded values need no correction, so that the decoder may shrink on load."""
    if header.keep or header.limited or header.frame:
        return False
    if header.tones and not has_usable_profile(image):
        return False
    if _has_grey_profile(image, header) or _has_deep_alpha(image):
        return False
    stored = image.get("orientation") if image.get_typeof("orientation") else 1
    if stored != header.orientation:  # a thumbnail would follow the decoder's
        return False
    return not (image.interpretation == "cmyk" and is_unusable(image))


def prepared(image: pyvips.Image, header: Header) -> pyvips.Image:
    """Return the picture from a decoder's channels, not yet rotated as the header says."""
    if header.keep:
        if image.bands < header.bands:
            raise pyvips.Error("the decoder found fewer channels than the header says")
        image = image[header.keep[0]].bandjoin([image[at] for at in header.keep[1:]])
    if _has_grey_profile(image, header):
        image = _as_greys(image)
    if _has_deep_alpha(image):
        alpha = (image[image.bands - 1] / 257).rint().cast("ushort")
        image = image[: image.bands - 1].bandjoin(alpha)
    if is_unusable(image):
        image = image.copy()
        image.remove("icc-profile-data")
    if header.limited:
        image = _full_range(image)
    if header.tones and not image.get_typeof("icc-profile-data"):
        image = to_srgb(image, header.tones)
    if header.frame:
        image = _on_its_canvas(image, header.frame)
    return image


def _has_grey_profile(image: pyvips.Image, header: Header) -> bool:
    if not header.grey or not image.get_typeof("icc-profile-data"):
        return False
    return bool(bytes(image.get("icc-profile-data"))[16:20] == b"GRAY")


def _has_deep_alpha(image: pyvips.Image) -> bool:
    return bool(image.format == "ushort" and image.hasalpha() and image.interpretation in _EIGHT_BIT_ALPHA)


def _as_greys(image: pyvips.Image) -> pyvips.Image:
    """Reduce three equal channels to one, which the grey profile fits."""
    _, alpha = parted(image)
    greys = image[0].copy(interpretation="grey16" if image.format == "ushort" else "b-w")
    return joined(greys, alpha)


def _full_range(image: pyvips.Image) -> pyvips.Image:
    """Expand levels 16-235 to 0-255; alpha, which has the full range, is kept."""
    greys, alpha = parted(image)
    unit = 256 if image.format == "ushort" else 1
    wide = (
        ((greys - 16 * unit) * (255 / 219))
        .rint()
        .cast(image.format)
        .copy(interpretation=image.interpretation)
    )
    return joined(wide, alpha)


def _on_its_canvas(image: pyvips.Image, frame: tuple[int, int, int, int]) -> pyvips.Image:
    """Place a GIF's first frame on the logical screen; the rest is transparent, as in browsers."""
    left, top, width, height = frame
    width, height = min(width, image.width - left), min(height, image.height - top)
    if width < 1 or height < 1:
        return image
    part = image.crop(left, top, width, height)
    part = part if part.hasalpha() else part.addalpha()
    return part.embed(left, top, image.width, image.height, extend="black")


def whole(data: bytes, header: Header, width: int, height: int, *, size: str) -> pyvips.Image:
    """Return the whole picture, fitted into a size or forced to it: upright, sRGB or grey, in memory.

    data, header: from `ready`.
    """
    # Sequential is row by row; a rotated picture needs its rows in another order.
    access = "sequential" if header.orientation == 1 else "random"
    opened = pyvips.Image.new_from_source(source(data), "", access=access, **loading(header))
    if is_plain(opened, header):
        options = {"option_string": as_option(header), **conversion(opened)}
        return pyvips.Image.thumbnail_source(
            source(data), width, height=height, size=size, **options
        ).copy_memory()
    image = prepared(opened, header)
    image.set_type(pyvips.GValue.gint_type, "orientation", header.orientation)
    return image.thumbnail_image(width, height=height, size=size, **conversion(image)).copy_memory()
