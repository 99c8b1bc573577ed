"""Generates the tables of docs/formats.md from those in the code."""

from runtime.imaging.layouts import (
    JPEG_BITS,
    JPEG_CODEC,
    JPEG_PROCESSES,
    MAX_CHANNELS,
    TIFF_CODECS,
    TIFF_CODECS_NOT_READ,
    TIFF_COLOURS,
    TIFF_COLOURS_NOT_READ,
)
from runtime.imaging.tones import GAMMAS, HIGH_DYNAMIC_RANGE, PRIMARIES


def tiffs() -> str:
    """Return which kinds of TIFF are read, and which are refused with a message that names them."""
    rows = ["| colours | bits a channel |", "|---|---|"]
    rows += [f"| {one.name} | {', '.join(map(str, one.bits))} |" for one in TIFF_COLOURS.values()]
    codecs = ", ".join(dict.fromkeys(TIFF_CODECS.values()))
    others = ", ".join(dict.fromkeys(TIFF_CODECS_NOT_READ.values()))
    colours = ", ".join(dict.fromkeys(TIFF_COLOURS_NOT_READ.values()))
    return "\n".join(
        [
            *rows,
            "",
            f"Up to {MAX_CHANNELS} channels. Compression: {codecs}.",
            "",
            f"Refused by name: compression by {others}; {colours}, YCbCr without JPEG; signed and "
            f"floating-point numbers; alpha in {TIFF_CODECS[JPEG_CODEC]}; tiles of one channel each.",
        ]
    )


def jpegs() -> str:
    """Return which kinds of JPEG are read."""
    return f"{', '.join(JPEG_PROCESSES.values()).capitalize()}; {JPEG_BITS} bits a channel."


def colours() -> str:
    """Return which colour descriptions, apart from profiles, are converted, and which are refused."""
    transfers = ", ".join(map(str, GAMMAS))
    return (
        f"Code points of primaries {', '.join(map(str, PRIMARIES))} and of transfer functions {transfers} "
        f"are converted; {' and '.join(HIGH_DYNAMIC_RANGE.values())} are refused."
    )


def blocks() -> dict[str, str]:
    """Return the generated blocks of docs/formats.md, by the names in their markers."""
    return {"tiff": tiffs(), "jpeg": jpegs(), "colours": colours()}
