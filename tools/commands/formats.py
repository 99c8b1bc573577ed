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
from runtime.imaging.tones import AS_SRGB, GAMMAS, HIGH_DYNAMIC_RANGE, PRIMARIES, TRANSFERS_AS_SRGB


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
            f"Refused by name, among others: compression by {others}; {colours}, YCbCr without JPEG; signed "
            f"and floating-point numbers; alpha in {TIFF_CODECS[JPEG_CODEC]}; tiles of one channel each.",
        ]
    )


def jpegs() -> str:
    """Return which kinds of JPEG are read."""
    return f"{', '.join(JPEG_PROCESSES.values()).capitalize()}; {JPEG_BITS} bits a channel."


def colours() -> str:
    """Return which code points of colours are converted, which are shown as sRGB, and which are refused."""
    transfers = ", ".join(map(str, GAMMAS))
    return (
        f"Code points of primaries {', '.join(map(str, PRIMARIES))} and of transfer functions {transfers} "
        f"are converted; primaries {', '.join(map(str, sorted(AS_SRGB)))} and transfer functions "
        f"{', '.join(map(str, sorted(TRANSFERS_AS_SRGB)))} are shown as sRGB. "
        f"{' and '.join(HIGH_DYNAMIC_RANGE.values())} are always refused, other code points only if the file "
        "has no profile."
    )


def blocks() -> dict[str, str]:
    """Return the generated blocks of docs/formats.md, by the names in their markers."""
    return {"tiff": tiffs(), "jpeg": jpegs(), "colours": colours()}
