"""WebP: https://developers.google.com/speed/webp/docs/riff_container and RFC 6386, section 9.1."""

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers.reader import Reader, damaged

_ANIMATION, _ALPHA = 0x02, 0x10


def parse(file: Reader) -> Header:
    """Parse the first chunk, which gives the size and shows which of the three kinds of WebP this is."""
    (kind,) = file.unpack("4s", 12)
    if kind == b"VP8X":
        flags, size = file.unpack("<B3x6s", 20)
        width, height = (int.from_bytes(size[at : at + 3], "little") + 1 for at in (0, 3))
        return Header(
            format=Format.WEBP,
            width=width,
            height=height,
            pages=2 if flags & _ANIMATION else 1,
            bands=4 if flags & _ALPHA else 3,
        )
    if kind == b"VP8L":
        signature, bits = file.unpack("<BI", 20)
        if signature != 0x2F:
            raise damaged("the lossless WebP has no signature")
        return Header(
            format=Format.WEBP,
            width=(bits & 0x3FFF) + 1,
            height=(bits >> 14 & 0x3FFF) + 1,
            bands=4 if bits >> 28 & 1 else 3,
        )
    if kind == b"VP8 ":
        start_code, width, height = file.unpack("<3sHH", 23)
        if start_code != b"\x9d\x01\x2a":
            raise damaged("the WebP has no key frame")
        return Header(format=Format.WEBP, width=width & 0x3FFF, height=height & 0x3FFF, bands=3)
    raise damaged("the WebP has no image chunk")
