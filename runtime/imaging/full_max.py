"""The image `full/max`, which IIIF level 0 requires of a tile pyramid, joined from existing tiles.

https://iiif.io/api/image/3.0/compliance/#32-size
"""

import pyvips

from runtime.imaging.transform import QUALITY, WHITE

MAX_WIDTH = 1024
"""Maximum side of `full/max` in pixels; the `info.json` of a larger image gives it as `maxWidth`."""
PATH = "full/max/0/default.jpg"


class FullMax:
    """Collects the tiles, at most sixteen, of the largest level with sides of at most twice MAX_WIDTH."""

    def __init__(self, width: int, height: int, tile: int, encoding: str) -> None:
        """Take width and height of the upright image, the tiles' side in pixels and their file extension."""
        factor = 1
        while max(-(-width // factor), -(-height // factor)) > 2 * MAX_WIDTH:
            factor *= 2
        self._size = -(-width // factor), -(-height // factor)
        side = tile * factor
        self._across = -(-width // side)
        self._paths: dict[str, bytes | None] = {}
        for top in range(0, height, side):
            for left in range(0, width, side):
                across, down = min(side, width - left), min(side, height - top)
                size = f"{-(-across // factor)},{-(-down // factor)}"
                region = "full" if max(self._size) <= tile else f"{left},{top},{across},{down}"
                self._paths[f"{region}/{size}/0/default.{encoding}"] = None

    def keep(self, path: str, data: bytes) -> None:
        """Keep a file of the pyramid if it is one of the tiles to join."""
        if path in self._paths:
            self._paths[path] = data

    def joined(self) -> bytes:
        """Return `full/max` as a JPEG on a white background. Raises KeyError when a tile is missing."""
        tiles = []
        for path, data in self._paths.items():
            if data is None:
                raise KeyError(path)
            tile = pyvips.Image.new_from_buffer(data, "")
            tiles.append(tile.flatten(background=WHITE) if tile.hasalpha() else tile)
        image = pyvips.Image.arrayjoin(tiles, across=self._across).crop(0, 0, *self._size)
        if max(self._size) > MAX_WIDTH:
            image = image.thumbnail_image(MAX_WIDTH, height=MAX_WIDTH)
        return bytes(image.jpegsave_buffer(Q=QUALITY, keep="none"))
