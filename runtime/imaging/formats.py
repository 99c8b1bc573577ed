"""File formats, recognised by their first bytes and never by name."""

import re
from enum import StrEnum

from runtime.rejection import Reason, Rejected

SNIFF_BYTES = 512


class Format(StrEnum):
    """The six supported formats; their values are subtypes of the media type (image/...)."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    TIFF = "tiff"
    AVIF = "avif"


_CONVERT = "Convert it to JPEG, PNG, WebP, GIF, TIFF or AVIF and upload it again"
_DEVELOP = "Develop it, save it as a JPEG or 8-bit TIFF, and upload that"
_HEIC = (
    "HEIC cannot be read here (the codec is patented). Convert the photo to JPEG and upload that: "
    "`heif-convert photo.heic photo.jpg`, or export it as JPEG from Photos; "
    "an iPhone takes photos as JPEG with Settings > Camera > Formats > Most Compatible."
)
_RECOGNISED: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), name)
    for pattern, name in (
        (rb"BM.{4}\0\0\0\0", "BMP"),
        (rb"%PDF-", "PDF"),
        (rb"8BPS\0[\1\2]", "Photoshop (PSD)"),
        (rb"\0\0\0\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51", "JPEG 2000"),
        (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (rb"\0\0[\1\2]\0", "Windows icon (ICO)"),
        (rb".{4}ftypcrx ", "Canon's camera raw (CR3)"),
        (rb"FUJIFILMCCD-RAW", "Fujifilm's camera raw (RAF)"),
        (rb"IIU\0|IIRO|IIRS|MMOR", "camera raw (RW2 or ORF)"),
        (rb"II\x1a\0\0\0HEAPCCDR", "Canon's camera raw (CRW)"),
        (rb"\0MRM", "Minolta's camera raw (MRW)"),
        (rb"FOVb", "Sigma's camera raw (X3F)"),
        (rb".{4}ftyp", "video"),
        (rb"RIFF.{4}AVI |\x1aE\xdf\xa3", "video"),
    )
)
_BEGINNINGS = {
    Format.JPEG: (b"\xff\xd8\xff",),
    Format.PNG: (b"\x89PNG\r\n\x1a\n",),
    Format.GIF: (b"GIF87a", b"GIF89a"),
    Format.TIFF: (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
# ISO base media brands: https://mp4ra.org/registered-types/brands
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"heif"}


def sniff(head: bytes) -> Format:
    """Return the format of a file whose first bytes are `head` (at least `SNIFF_BYTES`, or the whole file).

    Raises Rejected: EMPTY, UNSUPPORTED_FORMAT for another known format (with how to convert it),
    NOT_AN_IMAGE for everything else.
    """
    if not head:
        raise Rejected(Reason.EMPTY, "The file is empty. Upload it again.")
    for image_format, beginnings in _BEGINNINGS.items():
        if head.startswith(beginnings):
            return image_format
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Format.WEBP
    if head[4:8] == b"ftyp":
        brands = _brands(head)
        if brands & _AVIF_BRANDS:
            return Format.AVIF
        if brands & _HEIC_BRANDS:
            raise Rejected(Reason.UNSUPPORTED_FORMAT, _HEIC)
    # Not a regular expression: skipping what may precede <svg would be slow on crafted text.
    is_svg = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<svg" in head
    name = next((name for pattern, name in _RECOGNISED if pattern.match(head)), "SVG" if is_svg else None)
    if name:
        is_raw = "camera raw" in name
        message = f"This type of file is not supported: {name}. {_DEVELOP if is_raw else _CONVERT}."
        raise Rejected(Reason.UNSUPPORTED_FORMAT, message)
    raise Rejected(Reason.NOT_AN_IMAGE, f"This is not an image of a supported format. {_CONVERT}.")


def _brands(head: bytes) -> set[bytes]:
    box = head[: int.from_bytes(head[:4], "big")]
    return {box[at : at + 4] for at in (8, *range(16, len(box), 4))}
