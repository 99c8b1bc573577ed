"""List prices as they stand in prices.toml, each with its source, date and confidence."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

HOURS = 730
"""Of a month, as AWS's own calculator counts: https://calculator.aws"""
FILE = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True, kw_only=True)
class Price:
    """usd: for the unit that the name ends with; source: AWS's public page."""

    name: str
    usd: float
    source: str
    date: date
    confidence: Literal["official", "secondary", "unverified"]


@cache
def prices() -> dict[str, Price]:
    """All prices by name."""
    return {
        name: Price(name=name, **entry)
        for name, entry in tomllib.loads(FILE.read_text()).items()
        if isinstance(entry, dict)
    }


def month(name: str) -> float:
    """USD of a month of one unit, whose price is by the hour or by the month. Raises KeyError."""
    price = prices()[name]
    return price.usd * (1 if name.endswith("_month") else HOURS)
