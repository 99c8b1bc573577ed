"""A tile pyramid for any IIIF viewer: static files that follow the Image API 3.0, level 0.

https://iiif.io/api/image/3.0/compliance/#5-level-0-compliance
"""

import json
import math
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyvips

from runtime.deadline import DeadlineExceededError
from runtime.imaging import full_max
from runtime.imaging.engine import decoding_file, has_other_colours, source
from runtime.imaging.formats import Format
from runtime.imaging.header import Header
from runtime.imaging.limits import Limits
from runtime.imaging.opening import TAIL, loading, needs_repair, prepared, repaired, turned
from runtime.imaging.probe import check_pixels
from runtime.imaging.tiles import count_of_tiles, scale_factors, tile_side
from runtime.imaging.transform import QUALITY, WHITE, Encoding
from runtime.imaging.zipstream import StoredZip

SAVED_AS = {
    Encoding.JPG: f".jpg[Q={QUALITY},keep=none]",
    Encoding.WEBP: f".webp[Q={QUALITY},effort=4,keep=none]",
}
CONTEXT = "http://iiif.io/api/image/3/context.json"
Store = Callable[[str, bytes], None]
"""Stores a file of the pyramid: its path below the image's address, and its content."""
Progress = Callable[[float], None]
"""Called after each tile with the share of tiles that are done, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Pyramid:
    """The finished pyramid.

    width, height: pixels of the upright image; tiles: their number, without `full/max`; size: bytes of all
    files other than `info.json`.
    """

    width: int
    height: int
    tiles: int
    size: int


def write_pyramid(
    file: Path,
    header: Header,
    limits: Limits,
    *,
    address: str,
    store: Store,
    encoding: Encoding = Encoding.JPG,
    progress: Progress = lambda _: None,
    deadline: float = math.inf,
) -> Pyramid:
    """Pass every tile of the image in `file` to `store`, then `full/max` and `info.json`; write no files.

    Tiles are upright, in sRGB or grey, 8 bits; JPEG tiles are flattened on white. address: the URL under
    which `store` puts the pyramid. deadline: a value of `time.monotonic()`; a decoder cannot be stopped
    before it has produced its first row.

    Raises what `store` and `progress` raise, DeadlineExceededError, MemoryError or OSError as `decoding`
    does, and Rejected: TRUNCATED, DAMAGED, or TOO_MANY_PIXELS (when the decoder finds more than accepted).
    """
    failures: list[Exception] = []

    def kept(path: str, data: bytes) -> None:
        try:
            store(path, data)
        except Exception as error:
            failures.append(error)
            raise

    try:
        made = _write(file, header, limits, address, kept, encoding, progress, deadline)
    except Exception:
        if failures:  # an error of `store` is never blamed on the file
            raise failures[0] from None
        raise
    store("info.json", json.dumps(describe(address, made.width, made.height, encoding)).encode())
    return made


def _write(
    file: Path,
    header: Header,
    limits: Limits,
    address: str,
    store: Store,
    encoding: Encoding,
    progress: Progress,
    deadline: float,
) -> Pyramid:
    with decoding_file(file, header.format):
        image = _upright(file, header, limits)
        if encoding is Encoding.JPG and image.hasalpha():
            image = image.flatten(background=WHITE)
        return _store_tiles(image, address, encoding, store, progress, deadline)


def describe(address: str, width: int, height: int, encoding: Encoding) -> dict[str, Any]:
    """Return `info.json` of a pyramid.

    https://iiif.io/api/image/3.0/#5-image-information
    """
    side = tile_side(width, height)
    factors = scale_factors(width, height, side)
    last = factors[-1]
    most = {"maxWidth": full_max.MAX_WIDTH} if max(width, height) > full_max.MAX_WIDTH else {}
    others = {} if encoding is Encoding.JPG else {"preferredFormats": [encoding], "extraFormats": [encoding]}
    return {
        "@context": CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level0",
        "width": width,
        "height": height,
        **most,
        "sizes": [{"width": -(-width // last), "height": -(-height // last)}],
        "tiles": [{"width": side, "height": side, "scaleFactors": factors}],
        **others,
    }


def paths(width: int, height: int, encoding: Encoding) -> Iterator[str]:
    """Yield every path that a viewer may request, other than `info.json`."""
    tile = tile_side(width, height)
    *factors, last = scale_factors(width, height, tile)
    for factor in factors:
        side = tile * factor
        for top in range(0, height, side):
            for left in range(0, width, side):
                across, down = min(side, width - left), min(side, height - top)
                size = f"{-(-across // factor)},{-(-down // factor)}"
                yield f"{left},{top},{across},{down}/{size}/0/default.{encoding}"
    yield f"full/{-(-width // last)},{-(-height // last)}/0/default.{encoding}"
    yield full_max.PATH


def _upright(file: Path, header: Header, limits: Limits) -> pyvips.Image:
    lies, header, tail = _source(file, header)
    options: dict[str, str | bool] = {"access": "sequential", **loading(header)}
    if header.format is Format.TIFF:
        options["unlimited"] = True  # one strip may exceed the 50 MB that libvips allows libtiff
    opened = pyvips.Image.new_from_source(lies, "", **options)
    check_pixels(opened.width, opened.height, header, limits)
    image = _in_srgb(prepared(opened, header))
    stored = turned(opened, header, tail)
    if stored == 1:
        return image
    image.set_type(pyvips.GValue.gint_type, "orientation", stored)
    # A rotated picture needs its rows in a different order from the decoder's.
    return image.copy_memory().autorot()


def _source(file: Path, header: Header) -> tuple[pyvips.Source, Header, bytes]:
    """Return a source, its header, and the last bytes of the file.

    The source is the file, or (rarely) a repaired copy in memory.
    """
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - TAIL))
        tail = opened.read()
    if needs_repair(tail, header):
        data, header = repaired(file.read_bytes(), header)
        return source(data), header, tail
    return pyvips.Source.new_from_file(str(file)), header, tail


def _in_srgb(image: pyvips.Image) -> pyvips.Image:
    if has_other_colours(image):
        return image.icc_transform("srgb", embedded=True, depth=8)
    if image.interpretation == "cmyk":
        return image.icc_transform("srgb", input_profile="cmyk", depth=8)
    wanted = "b-w" if image.interpretation in ("b-w", "grey16") else "srgb"
    return image if (image.interpretation, image.format) == (wanted, "uchar") else image.colourspace(wanted)


def _store_tiles(
    image: pyvips.Image,
    address: str,
    encoding: Encoding,
    store: Store,
    progress: Progress,
    deadline: float,
) -> Pyramid:
    """Read the zip archive that _Dzsave's thread writes into a pipe; store its tiles, then `full/max`."""
    expected, tiles, size = count_of_tiles(image.width, image.height), 0, 0
    largest = full_max.FullMax(image.width, image.height, tile_side(image.width, image.height), encoding)
    archive = StoredZip()
    with _Dzsave(image, address, encoding) as stream:
        for chunk in stream.chunks(deadline):
            for name, content in archive.feed(chunk):
                path = name.removeprefix("tree/")
                if "/" in path:  # skips libvips' own info.json and properties
                    store(path, content)
                    largest.keep(path, content)
                    tiles, size = tiles + 1, size + len(content)
                    progress(tiles / expected)
            if time.monotonic() > deadline:
                raise DeadlineExceededError(f"{tiles} of {expected} tiles were done in time.")
    if tiles != expected:
        raise RuntimeError(f"libvips made {tiles} tiles of {expected}.")
    joined = largest.joined()
    store(full_max.PATH, joined)
    return Pyramid(width=image.width, height=image.height, tiles=tiles, size=size + len(joined))


class _Dzsave:
    """The pyramid as a stream from libvips; leaving the block early stops libvips.

    It uses a pipe because libvips may still call a callback while the garbage collector frees it, which
    aborts Python.
    """

    def __init__(self, image: pyvips.Image, address: str, encoding: Encoding) -> None:
        self._image, self._address, self._encoding = image, address, encoding
        self._errors: list[str] = []
        self._reading, self._writing = os.pipe()
        self._ended, self._end = os.pipe()
        self._thread = threading.Thread(target=self._save)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._image.set_kill(True)
        os.close(self._reading)  # whatever it still writes fails
        self._thread.join()
        os.close(self._ended)

    def chunks(self, deadline: float) -> Iterator[bytes]:
        """Yield chunks until the end; an empty one at the deadline. Raises pyvips.Error."""
        readable = select.poll()
        readable.register(self._reading, select.POLLIN)
        readable.register(self._ended, select.POLLIN)
        while True:
            left = None if deadline == math.inf else max(0, deadline - time.monotonic()) * 1000
            ready = dict(readable.poll(left))
            if not ready:
                yield b""
                continue
            if self._reading in ready and (chunk := os.read(self._reading, 1 << 20)):
                yield chunk
                continue
            if self._errors:
                raise pyvips.Error("unable to make tiles", self._errors[0])
            return

    def _save(self) -> None:
        try:
            self._image.dzsave_target(
                pyvips.Target.new_to_descriptor(self._writing),
                layout="iiif3",
                tile_size=tile_side(self._image.width, self._image.height),
                suffix=SAVED_AS[self._encoding],
                id=self._address,
                imagename="tree",
                container="zip",
                compression=0,
            )
        except Exception as error:  # noqa: BLE001 - raised by `chunks`, in the thread that waits
            self._errors.append(str(error))
        finally:
            os.close(self._writing)
            os.close(self._end)
