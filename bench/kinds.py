"""Random files, from a seed, of every kind that a pyramid may be made from."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

from bench.measure import ROOT

Change = Callable[[pyvips.Image], pyvips.Image]


def _same(image: pyvips.Image) -> pyvips.Image:
    return image


def _alpha(image: pyvips.Image) -> pyvips.Image:
    return image.bandjoin(200)


def _deep(image: pyvips.Image) -> pyvips.Image:
    return (image * 257).cast("ushort").copy(interpretation="rgb16")


def _grey(image: pyvips.Image) -> pyvips.Image:
    return image.colourspace("b-w")


def _cmyk(image: pyvips.Image) -> pyvips.Image:
    return image.icc_export(output_profile="cmyk")


def _turned(image: pyvips.Image) -> pyvips.Image:
    turned = image.copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", 6)
    return turned


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a photo is stored. most: maximum megapixels to try."""

    suffix: str
    options: Mapping[str, Any]
    change: Change = _same
    most: float = 60


TILED = {"tile": True, "tile_width": 256, "tile_height": 256}
KINDS: dict[str, Kind] = {
    "JPEG": Kind(suffix=".jpg", options={}),
    "JPEG 4:4:4": Kind(suffix=".jpg", options={"subsample_mode": "off"}),
    "JPEG, grey": Kind(suffix=".jpg", options={}, change=_grey),
    "JPEG, CMYK": Kind(suffix=".jpg", options={}, change=_cmyk),
    "JPEG, progressive": Kind(suffix=".jpg", options={"interlace": True}),
    "JPEG, progressive 4:4:4": Kind(suffix=".jpg", options={"interlace": True, "subsample_mode": "off"}),
    "JPEG, rotated": Kind(suffix=".jpg", options={}, change=_turned),
    "PNG": Kind(suffix=".png", options={"compression": 1}),
    "PNG, alpha": Kind(suffix=".png", options={"compression": 1}, change=_alpha),
    "PNG, 16 bits": Kind(suffix=".png", options={"compression": 1}, change=_deep, most=40),
    "PNG, interlaced": Kind(suffix=".png", options={"compression": 1, "interlace": True}, most=40),
    "TIFF, tiled": Kind(suffix=".tif", options={**TILED, "compression": "jpeg"}),
    "TIFF, tiled, 16 bits": Kind(
        suffix=".tif", options={**TILED, "compression": "lzw"}, change=_deep, most=40
    ),
    "TIFF, strips": Kind(suffix=".tif", options={"compression": "lzw"}),
    "TIFF, one strip": Kind(suffix=".tif", options={"compression": "lzw", "tile_height": 16_384}),
    "TIFF, rotated": Kind(suffix=".tif", options={"compression": "none"}, change=_turned, most=40),
    "WebP": Kind(suffix=".webp", options={"effort": 0}, most=40),
    "WebP, alpha": Kind(suffix=".webp", options={"effort": 0}, change=_alpha, most=30),
    "GIF": Kind(suffix=".gif", options={"effort": 1}, most=12),
    "AVIF": Kind(suffix=".avif", options={"effort": 0}, most=16),
}


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A generated file. kind: its name in KINDS."""

    kind: str
    width: int
    height: int
    file: Path


def draw(seed: int, count: int, folder: Path, most: float = 1) -> Iterator[Drawn]:
    """Yield `count` files, all kinds equally often, of at least 0.2 megapixels.

    most: largest size, as a share of the kind's own maximum; one megapixel if that share is less.
    """
    chance = random.Random(seed)
    names = list(KINDS)
    chance.shuffle(names)
    for number in range(count):
        name = names[number % len(names)]
        pixels = 10 ** chance.uniform(5.3, 6) * chance.uniform(1, max(1, most * KINDS[name].most))
        shape = 2 ** chance.uniform(-2, 2)
        width = max(64, min(16_000, round((pixels * shape) ** 0.5)))
        height = max(64, min(16_000, round(pixels / width)))
        file = folder / f"{number}{KINDS[name].suffix}"
        make(name, width, height, file)
        yield Drawn(kind=name, width=width, height=height, file=file)


def make(name: str, width: int, height: int, file: Path) -> None:
    """Write a photo with grain, of that kind and size in pixels."""
    photo = pyvips.Image.new_from_file(str(ROOT / "samples" / "hubble_deep_field.jpg"))[:3]
    enlarged = photo.resize(width / photo.width, vscale=height / photo.height, kernel="linear")
    grain = pyvips.Image.gaussnoise(512, 512, sigma=6, mean=0, seed=1)
    grain = grain.replicate(-(-width // 512), -(-height // 512)).crop(0, 0, width, height)
    kind = KINDS[name]
    image = kind.change((enlarged + grain).cast("uchar").copy(interpretation="srgb"))
    image.write_to_file(str(file), **kind.options)
