"""Pyramids of large tiles: libvips writes the tiles that our code counts and info.json describes."""

import json
from pathlib import Path

import pytest
import pyvips

from runtime.imaging import tiles
from runtime.imaging.limits import Limits
from runtime.imaging.probe import probe_file
from runtime.imaging.pyramid import paths, write_pyramid
from runtime.imaging.tiles import count_of_tiles
from runtime.imaging.transform import Encoding
from tests.support.images import encode
from tests.unit.runtime.imaging.test_pyramid import ADDRESS, HEIGHT, WIDTH, photo, tree


def test_each_large_tile_is_at_the_path_that_viewers_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "MOST_SMALL", 3)
    found = tree(tmp_path, encode(photo(), ".png"))
    assert {*found} == {*paths(WIDTH, HEIGHT, Encoding.JPG), "info.json"}
    assert json.loads(found["info.json"])["tiles"] == [
        {"width": 1024, "height": 1024, "scaleFactors": [1, 2]}
    ]
    right = pyvips.Image.new_from_buffer(found["1024,0,77,777/77,777/0/default.jpg"], "")
    left = pyvips.Image.new_from_buffer(found["0,0,1024,777/1024,777/0/default.jpg"], "")
    assert (left.join(right, "horizontal") - photo()).abs().max() < 20


def test_a_scan_of_over_2000_small_tiles_has_large_tiles_instead(tmp_path: Path) -> None:
    width, height = 22_000, 19_000
    file, found = tmp_path / "scan.tif", []
    image = pyvips.Image.black(width, height)
    image.tiffsave(str(file), tile=True, compression="deflate")
    limits = Limits(max_pixels=10**9)
    header = probe_file(file)
    made = write_pyramid(file, header, limits, address=ADDRESS, store=lambda path, _: found.append(path))
    assert {*found} == {*paths(width, height, Encoding.JPG), "info.json"}
    assert made.tiles == count_of_tiles(width, height) == 22 * 19 + 11 * 10 + 6 * 5 + 3 * 3 + 2 * 2 + 1
