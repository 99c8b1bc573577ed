"""GIF: https://www.w3.org/Graphics/GIF/spec-gif89a.txt, section 18."""

from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.headers.reader import Reader


def parse(file: Reader) -> Header:
    """The logical screen, which every frame is drawn on."""
    width, height = file.unpack("<HH", 6)
    return Header(format=Format.GIF, width=width, height=height)
