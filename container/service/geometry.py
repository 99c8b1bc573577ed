"""The region and the size that a request asks for, in pixels.

https://iiif.io/api/image/3.0/#4-image-requests
"""

import math
from contextlib import suppress
from dataclasses import dataclass

from container.service.environment import ServiceEnvironment
from container.service.errors import BadRequestError
from container.service.request import ImageRequest, Region, Size, parse_size, path_of
from runtime.imaging.tiles import TILE, scale_factors
from runtime.imaging.transform import Transform


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes that may be requested. max_width: longest side in pixels; max_area: most pixels.

    presets: allowed sizes of whole images and squares, as in URLs; tiles are always allowed. Empty: any size.
    """

    max_width: int = ServiceEnvironment.max_width
    max_area: int = ServiceEnvironment.max_area
    presets: tuple[str, ...] = ()

    def largest(self, width: int, height: int) -> tuple[int, int]:
        """Return the largest size of that aspect ratio within max_width and max_area, without enlarging."""
        factor = min(1, self.max_width / max(width, height), (self.max_area / (width * height)) ** 0.5)
        return max(1, int(width * factor)), max(1, int(height * factor))


def place(asked: ImageRequest, width: int, height: int, sizes: Sizes) -> Transform:
    """Return what `asked` means in pixels, for an image of `width` x `height`.

    Raises BadRequestError for a region outside the image; for a size that is 0, over the limits, or (without
    ^) larger than the region; and for a rotation that makes the image larger than `max_area`. If presets are
    set, also for a size that is neither a preset nor a tile's, and for an angle that is no multiple of 90.
    """
    left, top, right, bottom = _box(asked.region, width, height)
    to_width, to_height = _scaled(asked.size, right - left, bottom - top, sizes)
    if asked.degrees % 90 and _turned_area(to_width, to_height, asked.degrees) > sizes.max_area:
        raise BadRequestError(
            f"Turned by {asked.degrees:g} degrees, the image would have more than {sizes.max_area:,} pixels: "
            "ask for a smaller size."
        )
    placed = Transform(
        left=left,
        top=top,
        width=right - left,
        height=bottom - top,
        to_width=to_width,
        to_height=to_height,
        mirror=asked.mirror,
        degrees=asked.degrees,
        colours=asked.colours,
    )
    if sizes.presets and asked.degrees % 90:
        raise BadRequestError(f"Rotation {asked.degrees:g} is not supported here: use 0, 90, 180 or 270.")
    if sizes.presets and not _is_preset(asked, placed, sizes) and not is_tile(placed, width, height):
        raise BadRequestError(
            f"Size {asked.size_text} is not supported here: "
            f"whole images and squares come as {' or '.join(sizes.presets)}."
        )
    return placed


def canonical(asked: ImageRequest, placed: Transform, width: int, height: int, sizes: Sizes) -> str:
    """Return the canonical path among those that give these pixels.

    https://iiif.io/api/image/3.0/#47-canonical-uri-syntax
    """
    box = (placed.left, placed.top, placed.width, placed.height)
    region = "full" if (placed.width, placed.height) == (width, height) else ",".join(map(str, box))
    size = f"{placed.to_width},{placed.to_height}"
    if (placed.to_width, placed.to_height) == sizes.largest(placed.width, placed.height):
        size = "max"
    elif placed.to_width > placed.width or placed.to_height > placed.height:
        size = f"^{size}"
    rotation = f"{'!' if asked.mirror else ''}{asked.degrees:.9f}".rstrip("0").rstrip(".")
    quality = "default" if asked.quality == "color" else asked.quality
    return f"{path_of(asked.key, asked.version)}/{region}/{size}/{rotation}/{quality}.{asked.encoding}"


def is_tile(placed: Transform, width: int, height: int) -> bool:
    """Return whether this is one of the tiles that `info.json` lists."""
    for factor in scale_factors(width, height):
        side = TILE * factor
        if placed.left % side or placed.top % side:
            continue
        across, down = min(side, width - placed.left), min(side, height - placed.top)
        scaled = (-(-across // factor), -(-down // factor))
        if (placed.width, placed.height, placed.to_width, placed.to_height) == (across, down, *scaled):
            return True
    return False


def _turned_area(width: int, height: int, degrees: float) -> float:
    """Return the number of pixels in the bounding box of a rotated image."""
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    return (width * cos + height * sin) * (width * sin + height * cos)


def _is_preset(asked: ImageRequest, placed: Transform, sizes: Sizes) -> bool:
    """Return whether "full" or "square" is requested in a preset's size, however the size is written."""
    is_whole = asked.region.kind in ("full", "square")
    return is_whole and (placed.to_width, placed.to_height) in preset_sizes(
        placed.width, placed.height, sizes
    )


def preset_sizes(width: int, height: int, sizes: Sizes) -> list[tuple[int, int]]:
    """Return the sizes in pixels of the presets that are possible for a region of that size."""
    found = set()
    for text in sizes.presets:
        with suppress(BadRequestError):
            found.add(_scaled(parse_size(text), width, height, sizes))
    return sorted(found)


def _box(region: Region, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom, clipped to the image."""
    if region.kind == "full":
        return 0, 0, width, height
    if region.kind == "square":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return left, top, left + side, top + side
    scale = (width / 100, height / 100) if region.kind == "pct" else (1, 1)
    x, y, w, h = region.box
    left, top = round(x * scale[0]), round(y * scale[1])
    right, bottom = round((x + w) * scale[0]), round((y + h) * scale[1])
    if region.kind == "pct" and x < 100 and y < 100:
        left, top = min(left, width - 1), min(top, height - 1)
    if left >= width or top >= height:
        raise BadRequestError(f"The region begins outside the image, which has {width} x {height} pixels.")
    return left, top, min(width, max(right, left + 1)), min(height, max(bottom, top + 1))


def _scaled(size: Size, width: int, height: int, sizes: Sizes) -> tuple[int, int]:
    if size.kind == "max":
        return sizes.largest(width, height)  # ^max too: docs/decisions/0007
    to_width, to_height = _wanted(size, width, height, sizes)
    if not to_width or not to_height:
        raise BadRequestError("A size of 0 has no pixels.")
    if not size.enlarge and (to_width > width or to_height > height):
        raise BadRequestError(
            f"{to_width} x {to_height} is more than the {width} x {height} pixels of the region: "
            "ask for max, or put ^ before the size to enlarge."
        )
    if max(to_width, to_height) > sizes.max_width or to_width * to_height > sizes.max_area:
        raise BadRequestError(
            f"{to_width} x {to_height} is too large: "
            f"at most {sizes.max_width} a side and {sizes.max_area:,} pixels."
        )
    return to_width, to_height


def _wanted(size: Size, width: int, height: int, sizes: Sizes) -> tuple[int, int]:
    if size.kind == "pct":  # 0 if it rounds to 0, which is an error
        return round(width * size.percent / 100), round(height * size.percent / 100)
    if size.width is not None and size.height is not None:
        if size.kind == "exact":
            return size.width, size.height
        factor = min(size.width / width, size.height / height)
        if not size.enlarge:  # "not larger than the extracted region": https://iiif.io/api/image/3.0/#42-size
            factor = min(1, factor)
        # For !w,h, unlike for w,h, the specification asks for a size within the server's limits.
        asked = max(1, round(width * factor)), max(1, round(height * factor))
        most = sizes.largest(*asked)
        if most != asked:
            factor = min(factor, most[0] / width, most[1] / height)
    elif size.width is not None:
        factor = size.width / width
    else:
        factor = (size.height or 0) / height
    # A side that rounds to 0 becomes 1; a requested 0 is an error.
    to_width = size.width if size.width is not None and size.kind == "exact" else round(width * factor)
    to_height = size.height if size.height is not None and size.kind == "exact" else round(height * factor)
    return (max(1, to_width), max(1, to_height)) if factor else (0, 0)
