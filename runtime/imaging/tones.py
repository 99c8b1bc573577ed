"""Conversion to sRGB of colours described by primaries and a transfer function instead of an ICC profile.

Code points are those of ITU-T H.273, which AVIF's nclx and PNG's cICP share; PNG's gAMA and cHRM express the
same in numbers.
"""

from typing import NamedTuple

import pyvips

from runtime.imaging.engine import joined, parted
from runtime.imaging.layouts import not_read

WHITE_D65 = (0.3127, 0.3290)
Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""x and y of red, green, blue and white."""
SRGB: Chromaticities = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *WHITE_D65)
PRIMARIES: dict[int, Chromaticities] = {
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *WHITE_D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *WHITE_D65),
}
"""Rec. 2020, DCI-P3, Display P3.

Code points 0 (reserved), 1 (Rec. 709), 2 (unspecified), 5 and 6 (older video) are shown as sRGB.
"""
AS_SRGB = {0, 1, 2, 5, 6}
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
TRANSFERS_AS_SRGB = {0, 1, 2, 6, 7, 13, 14, 15}
"""sRGB's own, those of video, which browsers show as sRGB, and those reserved or unspecified (0, 2)."""
HIGH_DYNAMIC_RANGE = {16: "PQ", 18: "HLG"}
_NEARLY = 0.003
"""Chromaticities that differ by less are equal apart from rounding."""


class Tones(NamedTuple):
    """Primaries and transfer function. gamma: exponent of the transfer function; None for sRGB's own."""

    primaries: Chromaticities
    gamma: float | None


def of_code_points(kind: str, primaries: int, transfer: int, *, has_profile: bool) -> Tones | None:
    """Return the tones of two code points; None for those that are shown as sRGB anyway.

    has_profile: whether the file also has an ICC profile, which overrides the code points if it can be used.
    Raises Rejected UNSUPPORTED_FORMAT for PQ and HLG, and for other unsupported ones if there is no profile.
    """
    if transfer in HIGH_DYNAMIC_RANGE:
        raise not_read(kind, f"has a high dynamic range ({HIGH_DYNAMIC_RANGE[transfer]})", "Save it as sRGB")
    if (primaries not in PRIMARIES and primaries not in AS_SRGB) or (
        transfer not in GAMMAS and transfer not in TRANSFERS_AS_SRGB
    ):
        if has_profile:
            return None
        raise not_read(kind, f"has colours of kind {primaries}/{transfer}", "Save it as sRGB")
    if primaries in AS_SRGB and transfer in TRANSFERS_AS_SRGB:
        return None
    return Tones(PRIMARIES.get(primaries, SRGB), GAMMAS.get(transfer))


def of_numbers(gamma: float | None, primaries: Chromaticities | None) -> Tones | None:
    """Return tones from a file's exponent (1 / 2.2 for most) and chromaticities; None if they are sRGB's.

    Chromaticities whose white point cannot be adapted to sRGB's are ignored.
    """
    exponent = None if gamma is None or abs(gamma * 2.2 - 1) < 0.05 else 1 / gamma
    own = primaries if primaries and _differ(primaries) and _is_white(primaries[6:8]) else SRGB
    return None if exponent is None and own is SRGB else Tones(own, exponent)


def to_srgb(image: pyvips.Image, tones: Tones) -> pyvips.Image:
    """Convert to sRGB in 8 bits, keeping alpha."""
    colours, alpha = parted(image)
    most = 65_535 if image.format == "ushort" else 255
    colours = colours.bandjoin([colours, colours]) if colours.bands == 1 else colours
    linear = _linear(colours, tones.gamma, most)
    if tones.primaries != SRGB:
        linear = linear.recomb(_matrix(tones.primaries))
    made = linear.copy(interpretation="scrgb").colourspace("srgb")
    if alpha is not None:
        alpha = (alpha if most == 255 else alpha >> 8).cast("uchar")
    return joined(made, alpha)


def _linear(colours: pyvips.Image, gamma: float | None, most: int) -> pyvips.Image:
    if gamma is None:
        plain = colours.copy(interpretation="rgb16" if most > 255 else "srgb")
        return plain.colourspace("scrgb").cast("float")
    ramp = pyvips.Image.identity(ushort=most > 255) / most
    return colours.maplut((ramp**gamma).cast("float"))


def _differ(primaries: Chromaticities) -> bool:
    return any(abs(one - other) > _NEARLY for one, other in zip(primaries, SRGB, strict=True))


def _matrix(primaries: Chromaticities) -> list[list[float]]:
    """Return the matrix from linear light of these primaries to sRGB's.

    http://www.brucelindbloom.com/Eqn_RGB_XYZ_Matrix.html
    """
    return _times(_inverse(_to_xyz(SRGB)), _times(_adapted(primaries[6:8]), _to_xyz(primaries)))


_BRADFORD = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
"""The Bradford matrix: http://www.brucelindbloom.com/Eqn_ChromAdapt.html"""


def _adapted(white: tuple[float, ...]) -> list[list[float]]:
    """Return the adaptation from a white point to sRGB's, so that white stays white."""
    before, after = (_times(_BRADFORD, _xyz(*one)) for one in (white, WHITE_D65))
    scales = [[after[row][0] / before[row][0] if row == at else 0.0 for at in range(3)] for row in range(3)]
    return _times(_inverse(_BRADFORD), _times(scales, _BRADFORD))


def _is_white(white: tuple[float, ...]) -> bool:
    return all(row[0] > 0 for row in _times(_BRADFORD, _xyz(*white)))


def _xyz(x: float, y: float) -> list[list[float]]:
    return [[x / y], [1.0], [(1 - x - y) / y]]


def _to_xyz(primaries: Chromaticities) -> list[list[float]]:
    xy = [primaries[at : at + 2] for at in (0, 2, 4)]
    columns = [[x / y, 1.0, (1 - x - y) / y] for x, y in xy]
    rows = [[column[at] for column in columns] for at in range(3)]
    scales = [row[0] for row in _times(_inverse(rows), _xyz(*primaries[6:8]))]
    return [[row[at] * scales[at] for at in range(3)] for row in rows]


def _times(one: list[list[float]], other: list[list[float]]) -> list[list[float]]:
    return [
        [sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*other, strict=True)]
        for row in one
    ]


def _inverse(m: list[list[float]]) -> list[list[float]]:
    def minor(row: int, column: int) -> float:
        a, b = (at for at in range(3) if at != row)
        c, d = (at for at in range(3) if at != column)
        sign = 1.0 if (row + column) % 2 == 0 else -1.0
        return (m[a][c] * m[b][d] - m[a][d] * m[b][c]) * sign

    size = sum(m[0][at] * minor(0, at) for at in range(3))
    return [[minor(column, row) / size for column in range(3)] for row in range(3)]
