"""Items of a bill, and the range of their sum where a price is unverified."""

from collections.abc import Iterable
from typing import NamedTuple

from chooser.prices import Price, price
from chooser.workload import Workload

GIB = 1024


class Item(NamedTuple):
    """A line of a bill. usd: per month. prices: those it is computed from.

    At most one price is unverified, or the ranges are alike, since `spread` applies one range to the item.
    """

    what: str
    usd: float
    prices: tuple[Price, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its prices."""
        return tuple(one.name for one in self.prices)

    @property
    def unverified(self) -> tuple[str, ...]:
        """Names of its unverified prices."""
        return tuple(one.name for one in self.prices if one.confidence == "unverified")

    @property
    def spread(self) -> tuple[float, float]:
        """Lowest and highest cost in USD over the ranges of the unverified prices."""
        found = [one for one in self.prices if one.confidence == "unverified"]
        ratios = [(one.low / one.usd, one.high / one.usd) for one in found if one.usd]  # type: ignore[operator]
        low, high = min((a for a, _ in ratios), default=1), max((b for _, b in ratios), default=1)
        return self.usd * low, self.usd * high


def priced(load: Workload, what: str, amount: float, name: str) -> Item:
    """Return the cost of an amount, given in the price's unit, at the Region's price and tiers."""
    found = load.price(name)
    return Item(what, found.of(amount), (found,))


def standing(load: Workload, what: str, count: float, name: str) -> Item:
    """Return the cost of something priced by the hour or month, for the whole month."""
    return Item(what, count * load.month(name), (load.price(name),))


def spread(items: Iterable[Item]) -> tuple[float, float]:
    """Return the range of a whole bill."""
    found = [item.spread for item in items]
    return sum(low for low, _ in found), sum(high for _, high in found)


def beyond_free(amount: float, name: str, free: bool) -> float:
    """Return the billed amount, less the free tier if `free`; the free tier is the same in every Region."""
    return max(0, amount - price(name).usd) if free else amount
