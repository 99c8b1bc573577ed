"""Facts about a file from its header alone: no decoder runs, and no allocation depends on its claims."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from runtime.imaging import headers
from runtime.imaging.formats import SNIFF_BYTES, Format, sniff
from runtime.imaging.header import Header
from runtime.imaging.limits import MAX_AVIF_PIXELS, Limits
from runtime.rejection import Reason, Rejected

Read = Callable[[int, int], bytes]
"""`read(offset, length)`: up to `length` bytes of the file at `offset`, fewer at its end."""


def probe(read: Read) -> Header:
    """Return the header of the file behind `read`.

    The first 64 KiB nearly always suffice; a TIFF may have its directory at the end, and a JPEG its size
    after large metadata.

    Raises Rejected: EMPTY, NOT_AN_IMAGE, UNSUPPORTED_FORMAT, TRUNCATED when the header ends early, DAMAGED
    when it contradicts its format.
    """
    image_format = sniff(read(0, SNIFF_BYTES))
    header = headers.PARSERS[image_format](headers.Reader(read))
    if header.width < 1 or header.height < 1:
        size = f"{header.width} x {header.height}"
        raise Rejected(Reason.DAMAGED, f"The {image_format.upper()} header gives no size ({size}).")
    return header if 1 <= header.orientation <= 8 else replace(header, orientation=1)


def probe_bytes(data: bytes) -> Header:
    """Do the same as `probe` for a file in memory."""
    return probe(lambda offset, length: data[offset : offset + length])


def probe_file(file: Path) -> Header:
    """Do the same as `probe` for a file on disk. Raises OSError as well."""
    with file.open("rb") as opened:

        def read(offset: int, length: int) -> bytes:
            opened.seek(offset)
            return opened.read(length)

        return probe(read)


def check_pixels(width: int, height: int, header: Header, limits: Limits) -> None:
    """Check `width` x `height` against limits and format. Raises Rejected TOO_MANY_PIXELS."""
    most = min(limits.max_pixels, MAX_AVIF_PIXELS) if header.format is Format.AVIF else limits.max_pixels
    if width * height > most:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"The image is {width:,} x {height:,}, {width * height / 1e6:,.0f} megapixels; "
            f"at most {most / 1e6:,.0f} are accepted as {header.format.upper()}. Upload a smaller one.",
        )
