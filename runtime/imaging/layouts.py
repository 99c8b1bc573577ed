"""Supported layouts, sample types, codecs and colours of TIFF and JPEG; rejections name what is unsupported.

libvips also opens files that it decodes incorrectly: without a rejection, they would silently come out black,
white, striped or in the wrong colours. The tables in docs/formats.md are generated from those here.
"""

from collections.abc import Sequence
from typing import NamedTuple

from runtime.rejection import Reason, Rejected

MAX_CHANNELS = 5
"""CMYK and alpha."""
RGB, PALETTE, CMYK, YCBCR, CIELAB, JPEG_CODEC = 2, 3, 5, 6, 8, 7
UINT, VOID, NO_ALPHA, ASSOCIATED, UNASSOCIATED = 1, 4, 0, 1, 2
UNCHECKED_CODECS = {2, 3, 4, JPEG_CODEC, 32771}
"""Codecs for which libtiff only warns of damaged data."""


class Colours(NamedTuple):
    """One colour representation of a TIFF. channels: without alpha; bits: supported bits per sample."""

    name: str
    channels: int
    bits: tuple[int, ...]


TIFF_COLOURS = {
    0: Colours("greys, white is zero", 1, (1, 2, 4, 8, 16)),
    1: Colours("greys", 1, (1, 2, 4, 8, 16)),
    RGB: Colours("RGB", 3, (8, 16)),
    PALETTE: Colours("palette", 1, (1, 2, 4, 8)),
    CMYK: Colours("CMYK", 4, (8, 16)),
    YCBCR: Colours("YCbCr in JPEG", 3, (8,)),
    CIELAB: Colours("CIELab", 3, (16,)),
}
TIFF_CODECS = {
    1: "none",
    2: "CCITT RLE",
    3: "CCITT G3",
    4: "CCITT G4",
    5: "LZW",
    JPEG_CODEC: "JPEG",
    8: "deflate",
    32766: "NeXT",
    32771: "CCITT RLE",
    32773: "PackBits",
    32809: "ThunderScan",
    32946: "deflate",
    50001: "WebP",
}
TIFF_CODECS_NOT_READ = {
    6: "old-style JPEG",
    34661: "JBIG",
    34676: "LogLuv",
    34677: "LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    34933: "PNG",
    34934: "JPEG XR",
    50000: "ZSTD",
    50002: "JPEG XL",
}
TIFF_COLOURS_NOT_READ = {4: "a mask", 9: "ICCLab", 10: "ITULab", 32844: "LogL", 32845: "LogLuv"}
RAW_COLOURS = (32803, 34892)
"""Photometric interpretations of camera raw files: CFA and LinearRaw."""
JPEG_PROCESSES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive", 0xC3: "lossless"} | {
    0xC9: "arithmetic extended",
    0xCA: "arithmetic progressive",
}
JPEG_BITS = 8


class Tiff(NamedTuple):
    """The first directory's description of a TIFF's pixels."""

    photometric: int
    codec: int
    bits: Sequence[int]
    samples: int
    formats: Sequence[int]
    extras: Sequence[int] | None
    planar: bool
    tiled: bool


def not_read(kind: str, what: str, instead: str) -> Rejected:
    """Return the rejection of a valid file of an unsupported kind; it says what to choose when saving."""
    return Rejected(Reason.UNSUPPORTED_FORMAT, f"This {kind} {what}, which is not supported. {instead}.")


def raw(maker: str) -> Rejected:
    """Return the rejection of a camera's raw file."""
    of = f" ({maker})" if maker else ""
    return not_read("file", f"is a camera's raw file{of}", "Develop it and upload it as a JPEG or 8-bit TIFF")


def channels_of(tiff: Tiff) -> tuple[int, ...] | None:
    """Return which decoded channels to keep: the colours, and alpha if there is one. None means all.

    Raises Rejected UNSUPPORTED_FORMAT, naming what is not supported.
    """
    if tiff.photometric in RAW_COLOURS:
        raise raw("")
    if tiff.codec not in TIFF_CODECS:
        name = TIFF_CODECS_NOT_READ.get(tiff.codec, f"number {tiff.codec}")
        raise not_read(
            "TIFF", f"is compressed with {name}", "Save it with LZW, deflate, JPEG or no compression"
        )
    colours = TIFF_COLOURS.get(tiff.photometric)
    if colours is None or (tiff.photometric == YCBCR and tiff.codec != JPEG_CODEC):
        name = TIFF_COLOURS_NOT_READ.get(tiff.photometric, f"colours of kind {tiff.photometric}")
        name = "YCbCr without JPEG" if tiff.photometric == YCBCR else name
        raise not_read("TIFF", f"has {name}", "Save it as RGB")
    if {*tiff.formats} - {UINT, VOID} or {*tiff.bits} - {*colours.bits} or len({*tiff.bits}) > 1:
        bits = " and ".join(f"{one}-bit" for one in sorted({*tiff.bits}))
        kind = "signed or floating-point" if {*tiff.formats} - {UINT, VOID} else bits
        raise not_read(
            "TIFF", f"has {kind} numbers as {colours.name}", "Save it as grey or RGB with 8 or 16 bits"
        )
    extras = _extras(tiff, colours)
    if extras and max(tiff.bits) < 8:
        raise not_read("TIFF", f"has {max(tiff.bits)}-bit numbers and another channel", "Save it with 8 bits")
    if tiff.planar and tiff.samples > 1 and (tiff.tiled or (extras and colours.channels == 1)):
        raise not_read("TIFF", "keeps each channel apart", "Save it with its channels interleaved")
    if tiff.codec == JPEG_CODEC and extras:
        raise not_read("TIFF", "has alpha in JPEG", "Save it with LZW or deflate")
    is_palette = tiff.photometric == PALETTE  # libvips decodes it to RGB
    return _kept(3 if is_palette else colours.channels, extras, is_palette)


def _extras(tiff: Tiff, colours: Colours) -> tuple[int, ...]:
    """Return the meaning of each extra channel; where the file does not say, the first is alpha."""
    count = tiff.samples - colours.channels
    if count < 0 or tiff.samples > MAX_CHANNELS:
        raise not_read("TIFF", f"has {tiff.samples} channels as {colours.name}", "Save it as RGB or CMYK")
    told = (UNASSOCIATED,) if tiff.extras is None else tuple(tiff.extras)
    return (*told, *(NO_ALPHA,) * count)[:count]


def _kept(colours: int, extras: tuple[int, ...], is_palette: bool) -> tuple[int, ...] | None:
    alphas = [colours + at for at, extra in enumerate(extras) if extra != NO_ALPHA]
    if ASSOCIATED in extras and (len(extras) > 1 or is_palette):
        raise not_read(
            "TIFF", "has premultiplied alpha and a palette or another extra channel", "Save it without alpha"
        )
    kept = (*range(colours), *alphas[:1])
    return kept if len(kept) < colours + len(extras) else None
