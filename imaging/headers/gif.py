"""GIF: https://www.w3.org/Graphics/GIF/spec-gif89a.txt, section 18."""

from imaging.headers.reader import Facts, Reader


def parse(file: Reader) -> Facts:
    """The logical screen, which every frame is drawn on."""
    width, height = file.unpack("<HH", 6)
    return Facts(width=width, height=height)
