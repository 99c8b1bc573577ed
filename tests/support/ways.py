"""One file in all three ways: as renditions, by the image service, and as tiles."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image

from runtime.imaging.limits import Limits
from runtime.imaging.opening import ready
from runtime.imaging.probe import check_pixels, probe_bytes, probe_file
from runtime.imaging.pyramid import write_pyramid
from runtime.imaging.renditions import render
from runtime.imaging.transform import Transform, transform, upright
from runtime.rejection import Reason, Rejected
from tests.support.tiffs import HEIGHT, WIDTH

LIMITS = Limits()
RED, BLUE = (200, 100, 50), (30, 60, 220)
TOLERANCE = 8
Ways = dict[str, pyvips.Image]


def on_white(image: pyvips.Image) -> pyvips.Image:
    image = image.flatten(background=255) if image.hasalpha() else image
    return image.bandjoin([image, image]) if image.bands == 1 else image


def by_renditions(data: bytes, _: Path) -> pyvips.Image:
    found = render(data, probe_bytes(data), LIMITS).renditions[0].data
    return on_white(pyvips.Image.new_from_buffer(found, ""))


def by_service(data: bytes, _: Path) -> pyvips.Image:
    header = probe_bytes(data)
    check_pixels(header.width, header.height, header, LIMITS)
    data, header = ready(data, header, LIMITS)
    width, height = upright(header)
    asked = Transform(left=0, top=0, width=width, height=height, to_width=width, to_height=height)
    return on_white(transform(data, header, LIMITS, asked))


def by_pyramid(data: bytes, folder: Path) -> pyvips.Image:
    file, found = folder / "file", dict[str, bytes]()
    file.write_bytes(data)
    write_pyramid(file, probe_file(file), LIMITS, address="http://x", store=found.__setitem__)
    return on_white(pyvips.Image.new_from_buffer(found["full/max/0/default.jpg"], ""))


WAYS: dict[str, Callable[[bytes, Path], pyvips.Image]] = {
    "renditions": by_renditions,
    "service": by_service,
    "pyramid": by_pyramid,
}


def shown(data: bytes, folder: Path) -> Ways:
    return {name: way(data, folder) for name, way in WAYS.items()}


def halves(data: bytes, folder: Path, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    """Assert that all three ways show these two colours."""
    for name, image in shown(data, folder).items():
        for x, wanted in ((image.width // 4, left), (3 * image.width // 4, right)):
            found = image(x, image.height // 2)
            assert found == pytest.approx(wanted, abs=TOLERANCE), name


def as_pillow(data: bytes, folder: Path, *, orientation: int = 1, within: float = TOLERANCE) -> None:
    """Assert that all three ways show what Pillow does."""
    picture: Image.Image = Image.open(io.BytesIO(data))
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
    picture = picture.transpose(turn[orientation]) if orientation in turn else picture
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    white.alpha_composite(picture.convert("RGBA"))
    wanted = np.asarray(white.convert("RGB")).astype(int)
    for name, image in shown(data, folder).items():
        assert (image.width, image.height) == picture.size, name
        found = np.asarray(image[:3].cast("uchar").numpy()).astype(int)
        assert np.abs(found - wanted).mean() < within, name


def refused(data: bytes, folder: Path, reason: Reason, says: str) -> None:
    """Assert that all three ways refuse the file, with the same message."""
    told = set()
    for way in WAYS.values():
        with pytest.raises(Rejected) as error:
            way(data, folder)
        assert error.value.reason == reason
        told.add(error.value.message)
    assert len(told) == 1
    assert says in told.pop()


def photo(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    across = np.linspace(0, 255, width)[None, :, None] * [1, 0.5, 0.2]
    down = np.linspace(0, 160, height)[:, None, None] * [0, 0.5, 1]
    return Image.fromarray((across + down).clip(0, 255).astype(np.uint8))


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
