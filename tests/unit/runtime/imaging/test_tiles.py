"""The size of tiles, and how many an image has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.imaging.pyramid import describe, paths
from runtime.imaging.tiles import LARGE_TILE, MOST_SMALL, TILE, count_of_tiles, scale_factors, tile_side
from runtime.imaging.transform import Encoding


@pytest.mark.parametrize(
    ("width", "height", "side", "tiles"),
    [
        (1, 1, 512, 1),
        (512, 512, 512, 1),
        (513, 512, 512, 3),
        (16_384, 8_192, 512, 683),
        (19_000, 19_000, 512, 1_944),
        (24_500, 24_500, 1024, 770),
        (100_000, 100_000, 1024, 12_869),
        (200_000, 50_000, 1024, 12_939),
    ],
)
def test_tiles_grow_with_the_image(width: int, height: int, side: int, tiles: int) -> None:
    assert tile_side(width, height) == tile_side(height, width) == side
    assert count_of_tiles(width, height) == tiles


@given(st.integers(36_000, 280_000))
def test_a_scan_of_ten_gigapixels_is_at_most_13500_objects(width: int) -> None:
    """The limit includes full/max, info.json, manifest and pointer, up to an aspect ratio of 7.7:1."""
    height = 10_000_000_000 // width
    assert count_of_tiles(width, height) + 4 <= 13_500


@given(st.integers(1, 60_000), st.integers(1, 60_000))
def test_small_tiles_are_at_most_2000_and_large_ones_at_least_a_fifth_of_that(
    width: int, height: int
) -> None:
    side, tiles = tile_side(width, height), count_of_tiles(width, height)
    assert side in (TILE, LARGE_TILE)
    if side == TILE:
        assert tiles <= MOST_SMALL
    else:
        assert tiles >= MOST_SMALL / 5


@pytest.mark.parametrize(("width", "height"), [(19_000, 19_000), (24_500, 20_001)])
def test_the_description_and_the_paths_are_of_the_same_tiles(width: int, height: int) -> None:
    (told,) = describe("https://example.com/a", width, height, Encoding.JPG)["tiles"]
    side = tile_side(width, height)
    assert told == {"width": side, "height": side, "scaleFactors": scale_factors(width, height, side)}
    found = [*paths(width, height, Encoding.JPG)]
    assert len(found) == len({*found}) == count_of_tiles(width, height) + 1
    assert f"0,0,{side},{side}/{side},{side}/0/default.jpg" in found
