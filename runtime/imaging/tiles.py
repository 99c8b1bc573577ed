"""Where the tiles of an image lie. Pure, and without an image library."""

TILE = 512
"""Pixels of a side."""
LARGE_TILE = 1024
MOST_SMALL = 2000
"""Tiles of 512 px that an image may have; beyond, each is as large as four.

A tile is a PUT, which costs more than making it: docs/decisions/0025-larger-tiles.md
"""


def tile_side(width: int, height: int) -> int:
    """Of the tiles of an image that are all made in advance."""
    return TILE if _count(width, height, TILE) <= MOST_SMALL else LARGE_TILE


def scale_factors(width: int, height: int, side: int = TILE) -> list[int]:
    """1, 2, 4 and so on, until the image is one tile."""
    factors = [1]
    while max(-(-width // factors[-1]), -(-height // factors[-1])) > side:
        factors.append(factors[-1] * 2)
    return factors


def count_of_tiles(width: int, height: int) -> int:
    """How many an image has that are all made in advance."""
    return _count(width, height, tile_side(width, height))


def _count(width: int, height: int, side: int) -> int:
    factors = scale_factors(width, height, side)[:-1]
    return 1 + sum(-(-width // (side * one)) * -(-height // (side * one)) for one in factors)
