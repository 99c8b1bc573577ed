"""`python3 -m chooser prices --region R`: fetches a Region's list prices from AWS into a file of your own.

Reads AWS's public price list, without credentials. A price that is missing or not as expected is left out,
and the reason is printed; so are those of NAT gateways and Managed Instances, whose list is too large to
read. Prices of Spot, SnapStart, streaming and functions' logs are not looked up. Answers derive all of these
from us-east-1's prices and say so.
"""

import json
import re
import sys
import tomllib
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from http.client import HTTPException
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from chooser.prices import forget, named, own_folder, shipped
from chooser.refusal import refused

ADDRESS = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/{offer}/current/{region}/index.json"
"""https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html"""
SHAPE = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
MOST_BYTES = 100_000_000
SECONDS = 60
NOT_READ = ("nat_gateway_hour", "nat_gateway_gb", "managed_instance_hour")
"""Prices in AmazonEC2's list, which is not read, since it is about 450 MB per Region."""
PREFIX = re.compile(r"([A-Z]{2,4}\d?)-")
BARE = {"us-east-1": ("", "USE1-")}
"""The Region in which some usage types have a prefix and most have none."""


class Wanted(NamedTuple):
    """A row of price_list.toml. per: the list's units per one of ours."""

    name: str
    offer: str
    usage: Sequence[str]
    units: Sequence[str]
    per: int = 1
    attributes: Mapping[str, str] = {}


class Found(NamedTuple):
    """A price that was found. usd: per our unit; if there are tiers, that of the first."""

    usd: float
    tiers: tuple[tuple[float, float], ...]


class ListError(Exception):
    """Raised when a price, or a whole list, is not as expected; the message says why."""


def wanted() -> list[Wanted]:
    """Return every price to look for."""
    rows = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
    return [Wanted(name=name, **row) for name, row in rows.items()]


def read(listed: Any, region: str, rows: Sequence[Wanted]) -> tuple[dict[str, Found], dict[str, str]]:
    """Return prices of one offer's list by name, and why others are missing.

    Raises ListError if it is not a price list.
    """
    if not isinstance(listed, dict) or not isinstance(listed.get("products"), dict):
        raise ListError("this is not a price list")
    products = [one for one in listed["products"].values() if _is_here(one, region)]
    prefixes = _prefixes(products, region)
    found: dict[str, Found] = {}
    missing: dict[str, str] = {}
    for row in rows:
        try:
            found[row.name] = _price(listed, [one for one in products if _fits(one, row, prefixes)], row)
        except ListError as error:
            missing[row.name] = str(error)
    return found, missing


def _is_here(product: Any, region: str) -> bool:
    """Return whether a product is in the Region itself: not free tiers, Outposts or Local Zones."""
    attributes = product.get("attributes") if isinstance(product, dict) else None
    if not isinstance(attributes, dict) or not isinstance(attributes.get("usagetype"), str):
        return False
    at = attributes.get("regionCode") or attributes.get("fromRegionCode")
    kind = attributes.get("locationType") or attributes.get("fromLocationType")
    return bool(at == region and kind == "AWS Region")


def _prefixes(products: Sequence[Any], region: str) -> tuple[str, ...]:
    """Return the most common prefix of the list's usage types, or those that BARE has for the Region.

    No rule derives a Region's prefix from its name.
    """
    found = (PREFIX.match(one["attributes"]["usagetype"]) for one in products)
    (most, _), *_ = [*Counter(one[0] if one else "" for one in found).most_common(1), ("", 0)]
    return BARE.get(region) or (most,)


def _fits(product: Any, row: Wanted, prefixes: Sequence[str]) -> bool:
    attributes = product["attributes"]
    usages = {f"{prefix}{usage}" for prefix in prefixes for usage in row.usage}
    said = all(attributes.get(name) == value for name, value in row.attributes.items())
    return attributes["usagetype"] in usages and said


def _price(listed: Any, products: Sequence[Any], row: Wanted) -> Found:
    if not products:
        raise ListError("not in the list")
    made = {_tiers(listed, product, row) for product in products}
    if len(made) > 1:
        raise ListError(f"{len(made)} different prices")
    ((first, *more),) = made
    return Found(first[1], (first, *more) if more else ())


def _tiers(listed: Any, product: Any, row: Wanted) -> tuple[tuple[float, float], ...]:
    """Return pairs of a bound and the price up to it, in our units."""
    try:
        (term,) = listed["terms"]["OnDemand"][product["sku"]].values()
        dimensions = [*term["priceDimensions"].values()]
        units = {str(one["unit"]) for one in dimensions}
        steps = sorted(map(_step, dimensions))
        tiers = tuple((end / row.per, float(usd * row.per)) for _, end, usd in steps)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise ListError("its entry is not as AWS documents it") from None
    if not steps or not units <= {*row.units}:
        raise ListError(
            f"in {', '.join(map(repr, sorted(units))) or 'no unit'}, not {' or '.join(row.units)}"
        )
    bounds = [0.0, *(end for _, end, _ in steps)]
    if [begin for begin, _, _ in steps] != bounds[:-1] or bounds[-1] != inf:
        raise ListError("its tiers do not meet")
    if not all(0 < usd < inf for _, usd in tiers):
        raise ListError("one of its tiers costs nothing, or is not a number")
    return tiers


def _step(dimension: Any) -> tuple[float, float, Decimal]:
    """Return a tier's lower and upper bound, and its USD per unit of the list."""
    if "USD" not in dimension["pricePerUnit"]:
        raise ListError(f"in {', '.join(map(repr, dimension['pricePerUnit']))}, not in USD")
    begin, end = float(dimension["beginRange"]), float(dimension["endRange"])
    return begin, end, Decimal(dimension["pricePerUnit"]["USD"])


def as_toml(region: str, today: date, found: Mapping[str, tuple[Found, str, str]]) -> str:
    """Return a Region's file as TOML. found: prices by name, each with its list's address and date."""
    parts = [f'region = "{region}"\nas_of = {today}\n']
    for name, (one, address, day) in found.items():
        tiers = ", ".join(f"[{bound!r}, {usd!r}]" for bound, usd in one.tiers)
        lines = [f"[{name}]", f"usd = {one.usd!r}", *([f"tiers = [{tiers}]"] if tiers else [])]
        lines += [f'source = "{address}"', f"date = {day}", 'confidence = "official"']
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def fetch(region: str, today: date) -> tuple[str, dict[str, str]]:
    """Return a Region's file, and why prices are missing.

    Raises ListError if no price is found, and OSError if AWS cannot be reached.
    """
    rows, kept = wanted(), dict[str, tuple[Found, str, str]]()
    missing = dict.fromkeys(NOT_READ, "its list is about 450 MB")
    for offer in dict.fromkeys(row.offer for row in rows):
        some = [row for row in rows if row.offer == offer]
        address = ADDRESS.format(offer=offer, region=region)
        print(f"{offer} ...", file=sys.stderr)
        try:
            listed = _get(address)
            found, without = read(listed, region, some)
            day = str(date.fromisoformat(str(listed.get("publicationDate"))[:10]))
        except (ListError, ValueError) as error:
            missing |= dict.fromkeys((row.name for row in some), f"{offer}: {error}")
            continue
        kept |= {name: (one, address, day) for name, one in found.items()}
        missing |= without
    if not kept:
        raise ListError(f"No price of {region} was found. {missing[rows[0].name]}: is there such a Region?")
    return as_toml(region, today, kept), missing


def _get(address: str) -> Any:
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:  # noqa: S310 - https, from ADDRESS
            text = answer.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise ListError(f"AWS answers {error.code}") from None
    except HTTPException as error:
        raise ListError(f"AWS's answer is broken: {type(error).__name__}") from None
    if len(text) > MOST_BYTES:
        raise ListError(f"its list is larger than {MOST_BYTES:,} bytes")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ListError("its list is not JSON") from None


def main(arguments: Sequence[str]) -> int:
    """Write the file. On failure, print an error instead and return 1."""
    import argparse

    parser = argparse.ArgumentParser(prog="python3 -m chooser prices", description=__doc__)
    parser.add_argument("--region", required=True, help="such as ap-southeast-2")
    region = parser.parse_args(arguments).region
    if not SHAPE.fullmatch(region):
        return refused(f"--region {region}: must be a Region, such as ap-southeast-2.")
    if Path(shipped(region)).exists():
        return refused(f"The prices of {region} are already here: {named(region)}.")
    file = Path(own_folder(), f"{region}.toml")
    try:
        text, missing = fetch(region, date.today())
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(text)
        part.replace(file)
        forget()
    except urllib.error.URLError as error:
        return refused(f"AWS cannot be reached: {error.reason}. Check the network, and try again.")
    except (ListError, OSError) as error:
        return refused(error)
    print(f"{file}: {len(tomllib.loads(text)) - 2} prices of {region}.")
    for name, why in missing.items():
        print(f"  without {name}: {why}")
    print(f'Set region = "{region}" in a workload; prices missing here are taken from us-east-1.')
    return 0
