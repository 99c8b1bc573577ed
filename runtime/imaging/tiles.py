"""The tile grid of an image. Pure functions, without an image library."""

TILE = 512
"""Side of a tile in pixels."""
LARGE_TILE = 1024
MOST_SMALL = 2000
"""Maximum number of 512 px tiles per image; beyond that, tiles have a side of 1024 px.

Each tile is a PUT, which costs more than making the tile: docs/decisions/0025-larger-tiles.md
"""


def tile_side(width: int, height: int) -> int:
    """Return the tile side for an image whose tiles are all made in advance."""
    return TILE if _count(width, height, TILE) <= MOST_SMALL else LARGE_TILE


def scale_factors(width: int, height: int, side: int = TILE) -> list[int]:
    """Return 1, 2, 4 and so on, until the image fits into one tile."""
    factors = [1]
    while max(-(-width // factors[-1]), -(-height // factors[-1])) > side:
        factors.append(factors[-1] * 2)
    return factors


def count_of_tiles(width: int, height: int) -> int:
    """Return the number of tiles of an image whose tiles are all made in advance."""
    return _count(width, height, tile_side(width, height))


def _count(width: int, height: int, side: int) -> int:
    factors = scale_factors(width, height, side)[:-1]
    return 1 + sum(-(-width // (side * one)) * -(-height // (side * one)) for one in factors)
