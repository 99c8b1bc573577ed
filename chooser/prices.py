"""List prices by Region, each with its source, date and confidence.

prices.toml has all prices of us-east-1, and each file in regions/ those found for one more Region. For a
Region without one, `python3 -m chooser prices` writes such a file into the user's own folder. A price that a
Region's file lacks is derived from that of us-east-1, as unverified and with a range, unless it is the same
in every Region (EVERYWHERE).
"""
# pathlib would cost an answer a tenth of its CPU.
# ruff: noqa: PTH110, PTH111, PTH112, PTH118, PTH123, PTH208

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import NamedTuple

HOURS = 730
"""Hours in a month, as in AWS's own calculator: https://calculator.aws"""
HERE = __file__.rpartition("/")[0]
REGION = "us-east-1"
OLD_DAYS = 180
EVERYWHERE = ("free_", "cloudfront_", "real_time_log_", "managed_instance_fee_", "function_url_")
"""Prefixes of prices that are the same in every Region."""
BORROWED = (0.9, 1.75)
"""Range of a borrowed price, as factors of us-east-1's: Fargate in São Paulo costs 72 % more, and some Spot
prices are lower elsewhere.
"""
SIBLINGS = (("arm64", "x86_64"), ("x86_64", "arm64"))
ALIKE = (0.9, 1.1)
"""Range, as factors, of a price derived from the Region's price for the other architecture."""


class Price(NamedTuple):
    """A list price. usd: for the unit in the name, or the free amount if the name begins with free_.

    low, high: range of an unverified price. tiers: pairs of a bound and the price up to it, if the price
    depends on the amount. borrowed: whether it is derived from us-east-1's, since the Region's is not
    known. source: public page or file. confidence: official, secondary or unverified.
    """

    name: str
    usd: float
    source: str
    date: date
    confidence: str
    note: str = ""
    low: float | None = None
    high: float | None = None
    tiers: tuple[tuple[float, float], ...] = ()
    borrowed: bool = False

    def of(self, amount: float) -> float:
        """Return the cost of an amount, given in the price's unit, in USD."""
        total, below = 0.0, 0.0
        for bound, usd in self.tiers or ((float("inf"), self.usd),):
            total += max(0.0, min(amount, bound) - below) * usd
            below = bound
        return total


def own_folder() -> str:
    """Return the folder of a user's own prices.

    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(config, "lambda-or-fargate", "prices")


def regions() -> list[str]:
    """Return Regions with prices, shipped or in the user's own folder."""
    files = [REGION]
    for folder in (f"{HERE}/regions", own_folder()):
        if os.path.isdir(folder):
            files += (one for one in os.listdir(folder) if one.endswith(".toml"))
    return sorted({one.removesuffix(".toml") for one in files})


def shipped(region: str) -> str:
    """Return the path of a Region's shipped prices."""
    return f"{HERE}/prices.toml" if region == REGION else f"{HERE}/regions/{region}.toml"


def file_of(region: str) -> str:
    """Return the file with a Region's prices: the shipped one, else the user's own."""
    file = shipped(region)
    return file if os.path.exists(file) else os.path.join(own_folder(), f"{region}.toml")


def named(region: str) -> str:
    """Return the path of a Region's file, to show to people: relative to the project's folder if inside."""
    return file_of(region).removeprefix(HERE.removesuffix("chooser"))


@cache
def _file(region: str) -> Mapping[str, object]:
    with open(file_of(region), "rb") as file:
        return tomllib.load(file)


@cache
def prices(region: str = REGION) -> dict[str, Price]:
    """Return all prices of a Region by name.

    Raises OSError if there is no file for it, and ValueError or TypeError if the file is invalid.
    """
    entries = _file(region).items()
    found = {name: Price(name=name, **entry) for name, entry in entries if isinstance(entry, dict)}
    if region == REGION:
        return found
    for one in found.values():
        _check(one)
    return {
        name: _tiered(found[name], there) if name in found else _elsewhere(there, found)
        for name, there in prices().items()
    }


def _check(one: Price) -> None:
    """Check an entry of a file. Raises ValueError or TypeError if it is not a valid price."""
    numbers = [one.usd, *(usd for _, usd in one.tiers)]
    if one.confidence == "unverified":
        numbers += [one.low, one.high]  # type: ignore[list-item]
    if not all(0 <= number < float("inf") for number in numbers):
        raise ValueError(f"{one.name} is not a valid price")


def _tiered(one: Price, there: Price) -> Price:
    """Return a price with tiers in us-east-1's proportion; unchanged if it has tiers or is official."""
    if one.tiers or one.confidence == "official":
        return one
    times = one.usd / there.usd if there.usd else 1
    return one._replace(tiers=tuple((bound, usd * times) for bound, usd in there.tiers))


def _elsewhere(one: Price, found: Mapping[str, Price]) -> Price:
    """Derive a Region's missing price from us-east-1's, which is kept if it is the same everywhere.

    one: us-east-1's price. found: the Region's own prices; the one for the other architecture, if it is
    there, sets the ratio.
    """
    if one.name.startswith(EVERYWHERE):
        return one
    times, (least, most) = 1.0, BORROWED
    for this, other in SIBLINGS:
        name = one.name.replace(this, other)
        if name != one.name and name in found:
            times, (least, most) = found[name].usd / price(name).usd, ALIKE
    low, high = ((one.usd if end is None else end) * times for end in (one.low, one.high))
    return one._replace(
        usd=one.usd * times,
        tiers=tuple((bound, usd * times) for bound, usd in one.tiers),
        confidence="unverified",
        low=low * least,
        high=high * most,
        borrowed=True,
    )


def forget() -> None:
    """Clear what was read from files, so that they are read again."""
    _file.cache_clear()
    prices.cache_clear()


def price(name: str, region: str = REGION) -> Price:
    """Return a price. Raises KeyError."""
    return prices(region)[name]


def month(name: str, region: str = REGION) -> float:
    """Return USD per month for one unit, priced by the hour or by the month. Raises KeyError."""
    return price(name, region).usd * (1 if name.endswith("_month") else HOURS)


def as_of(region: str = REGION) -> date:
    """Return when the prices were last reviewed."""
    return date.fromisoformat(str(_file(region)["as_of"]))


def stale(today: date, region: str = REGION) -> str:
    """Return a sentence if the prices are older than 180 days, else ""."""
    days = (today - as_of(region)).days
    if days <= OLD_DAYS:
        return ""
    return (
        f"The prices of {region} were last reviewed on {as_of(region)}, {days} days ago: "
        "compare them with AWS's pages before you decide."
    )
