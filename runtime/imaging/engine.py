"""Configuration of libvips: only the loaders that are needed, no cache, and errors turned into rejections."""

import errno
import functools
import itertools
import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyvips

from runtime.imaging.formats import Format
from runtime.rejection import Reason, Rejected

_NO_MEMORY = re.compile(
    "out of memory|unable to allocate|unable to create thread|insufficient memory",
    re.IGNORECASE,
)
"""Messages of libvips and its libraries when an allocation fails."""
_NO_DISK = re.compile("no space left on device", re.IGNORECASE)
_LOADERS = ("Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif")

# All loaders are blocked, then those of the six formats allowed, so that no unforeseen one can be reached
# (https://www.libvips.org/API/current/func.operation_block_set.html).
pyvips.operation_block_set("VipsForeignLoad", True)
for _loader in _LOADERS:
    pyvips.operation_block_set(f"VipsForeignLoad{_loader}", False)

# Every job has a different image: a cache of operations would only take up memory.
pyvips.cache_set_max(0)


@contextmanager
def decoding(data: "bytes | mmap.mmap", image_format: Format) -> Iterator[None]:
    """Turn libvips' errors about `data` into Rejected TRUNCATED or DAMAGED.

    Lack of memory or disk is not the file's fault: it raises MemoryError or OSError, which are transient.
    """
    try:
        yield
    except pyvips.Error as error:
        if _NO_MEMORY.search(str(error)):
            raise MemoryError(f"libvips had no memory left: {str(error).strip()}") from error
        if _NO_DISK.search(str(error)):
            raise OSError(errno.ENOSPC, f"libvips had no disk left: {str(error).strip()}") from error
        if _ends_early(data, image_format, str(error)):
            message = (
                f"The {image_format.upper()} ends before its picture does. Upload it again from the original."
            )
            raise Rejected(Reason.TRUNCATED, message) from error
        cause = f"The {image_format.upper()} is damaged, or of a rare kind."
        message = f"{cause} Save it again and upload the new file."
        raise Rejected(Reason.DAMAGED, message) from error


@contextmanager
def decoding_file(file: Path, image_format: Format) -> Iterator[None]:
    """Do the same as `decoding` for a file on disk, which is memory-mapped instead of read."""
    with (
        file.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data,
        decoding(data, image_format),
    ):
        yield


def source(data: bytes) -> pyvips.Source:
    """Return a source that reads `data` in place; libvips' functions for buffers would copy it."""
    return pyvips.Source.new_from_memory(data)


def parted(image: pyvips.Image) -> tuple[pyvips.Image, pyvips.Image | None]:
    """Split an image into its colours and its alpha, if it has any."""
    if not image.hasalpha():
        return image, None
    return image[: image.bands - 1], image[image.bands - 1]


def joined(colours: pyvips.Image, alpha: pyvips.Image | None) -> pyvips.Image:
    """Join colours and alpha into one image."""
    return colours if alpha is None else colours.bandjoin(alpha)


def conversion(image: pyvips.Image) -> dict[str, str]:
    """Return thumbnail options that convert to sRGB; empty if the image needs no conversion.

    A requested conversion goes through the profile connection space even from sRGB to sRGB.
    """
    is_plain = image.interpretation in ("srgb", "b-w", "rgb16", "grey16", "rgb", "multiband")
    return {"output_profile": "srgb"} if not is_plain or has_other_colours(image) else {}


def has_other_colours(image: pyvips.Image) -> bool:
    """Return whether an image has a usable profile that differs from sRGB, whatever the profile's name."""
    if not has_usable_profile(image):
        return False
    is_rgb = image.interpretation in ("srgb", "rgb16", "rgb")
    return not (is_rgb and _is_srgb(bytes(image.get("icc-profile-data"))))


def is_unusable(image: pyvips.Image) -> bool:
    """Return whether an image has a profile that cannot describe a picture's colours and must be ignored."""
    return bool(image.get_typeof("icc-profile-data")) and not has_usable_profile(image)


def has_usable_profile(image: pyvips.Image) -> bool:
    """Return whether an image has a profile that describes its colours."""
    if not image.get_typeof("icc-profile-data"):
        return False
    return _tells_colours(bytes(image.get("icc-profile-data")), image.bands - image.hasalpha())


_NOT_OF_PICTURES = (b"link", b"nmcl", b"abst")
"""Profile classes that describe no picture: device links, named colours, abstract ones.
https://www.color.org/specification/ICC.1-2022-05.pdf
"""


@functools.lru_cache(maxsize=16)
def _tells_colours(profile: bytes, channels: int) -> bool:
    """Return whether a profile is for a picture of that many channels, not counting alpha, and works."""
    colours = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}.get(profile[16:20])
    if profile[12:16] in _NOT_OF_PICTURES or colours != channels:
        return False
    if colours == 1:
        return True
    pixel = pyvips.Image.black(1, 1, bands=colours).copy(interpretation="cmyk" if colours == 4 else "srgb")
    pixel.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    try:
        pixel.icc_transform("srgb", embedded=True).avg()
    except pyvips.Error:
        return False
    return True


@functools.lru_cache(maxsize=16)
def _is_srgb(profile: bytes) -> bool:
    """Return whether a profile changes none of 729 colours by more than one level of 255."""
    steps = range(0, 256, 255 // 8)
    colours = bytes(itertools.chain.from_iterable(itertools.product(steps, repeat=3)))
    lattice = pyvips.Image.new_from_memory(colours, len(colours) // 3, 1, 3, "uchar")
    tagged = lattice.copy(interpretation="srgb")
    tagged.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    try:
        moved = tagged.icc_transform("srgb", embedded=True)
        return bool((moved - lattice).abs().max() <= 1)
    except pyvips.Error:  # not a profile of RGB at all
        return False


def _ends_early(data: "bytes | mmap.mmap", image_format: Format, said: str) -> bool:
    """Return whether a file is truncated, by its structure if possible, else by its codec's message."""
    match image_format:
        case Format.JPEG:
            return "premature end" in said
        case Format.PNG:
            return data.find(b"IEND\xaeB`\x82") < 0
        case Format.WEBP:
            return len(data) < int.from_bytes(data[4:8], "little") + 8
        case Format.GIF:
            return "Unexpected end" in said
        case Format.TIFF:
            return re.search(r"got \d+ bytes, expected", said) is not None
        case Format.AVIF:
            end = 0
            while end + 8 <= len(data) and (size := int.from_bytes(data[end : end + 4], "big")) >= 8:
                end += size
            return end > len(data)
