"""List prices as they stand in prices.toml, each with its source, date and confidence."""

import tomllib
from datetime import date
from functools import cache
from typing import NamedTuple

HOURS = 730
"""Of a month, as AWS's own calculator counts: https://calculator.aws"""
FILE = f"{__file__.rpartition('.')[0]}.toml"
OLD_DAYS = 180


class Price(NamedTuple):
    """usd: for the unit that the name ends with (of the names in free_, that many of them).

    low, high: what an unverified price may be. tiers: pairs of a bound and the price up to it, where the
    price changes with the amount.
    source: AWS's public page. confidence: official, secondary or unverified.
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

    def of(self, amount: float) -> float:
        """USD for an amount of the unit."""
        total, below = 0.0, 0.0
        for bound, usd in self.tiers or ((float("inf"), self.usd),):
            total += max(0.0, min(amount, bound) - below) * usd
            below = bound
        return total


@cache
def _file() -> dict[str, object]:
    with open(FILE, "rb") as file:  # noqa: PTH123 - pathlib would cost an answer a tenth of its CPU
        return tomllib.load(file)


@cache
def prices() -> dict[str, Price]:
    """All prices by name."""
    return {name: Price(name=name, **entry) for name, entry in _file().items() if isinstance(entry, dict)}


def price(name: str) -> Price:
    """One of them. Raises KeyError."""
    return prices()[name]


def month(name: str) -> float:
    """USD of a month of one unit, whose price is by the hour or by the month. Raises KeyError."""
    found = price(name)
    return found.usd * (1 if name.endswith("_month") else HOURS)


def as_of() -> date:
    """When the file was last gone through."""
    return date.fromisoformat(str(_file()["as_of"]))


def stale(today: date) -> str:
    """A sentence when the prices are older than 180 days, else nothing."""
    days = (today - as_of()).days
    if days <= OLD_DAYS:
        return ""
    return f"These prices are of {as_of()}, {days} days ago: compare them with AWS's pages before you decide."
