"""AWS's public price list, in small files of its format: valid prices are taken, others are reported."""

import copy
import io
import json
import tomllib
import urllib.error
from collections.abc import Callable, Iterator
from datetime import date
from http.client import BadStatusLine
from pathlib import Path
from typing import Any

import pytest

from chooser import price_list
from chooser.__main__ import main
from chooser.price_list import Found, ListError, Wanted, fetch, read, wanted
from chooser.prices import forget, own_folder, prices

REGION = "ap-southeast-2"
Change = Callable[[dict[str, Any]], None]
REQUESTS = Wanted(
    "lambda_million_requests", "AWSLambda", ["Request"], ["Request", "Requests"], 1_000_000, {"group": "R"}
)
DURATION = Wanted("lambda_gb_second_arm64", "AWSLambda", ["Lambda-GB-Second-ARM"], ["Lambda-GB-Second"])


def dimension(begin: str, end: str, usd: str, unit: str) -> dict[str, Any]:
    return {
        "unit": unit,
        "beginRange": begin,
        "endRange": end,
        "description": "",
        "appliesTo": [],
        "pricePerUnit": {"USD": usd},
    }


def listed() -> dict[str, Any]:
    """Return a price list: two wanted prices and, as in real lists, a free tier and other usage."""
    products: dict[str, Any] = {}
    terms: dict[str, Any] = {}

    def add(sku: str, usage: str, dimensions: list[dict[str, Any]], **attributes: str) -> None:
        at = {"regionCode": REGION, "locationType": "AWS Region", "usagetype": usage, **attributes}
        products[sku] = {"sku": sku, "productFamily": "Serverless", "attributes": at}
        rates = {f"{sku}.JRTCKXETXF.{number}": one for number, one in enumerate(dimensions)}
        terms[sku] = {
            f"{sku}.JRTCKXETXF": {"offerTermCode": "JRTCKXETXF", "sku": sku, "priceDimensions": rates}
        }

    add("A", "APS2-Request", [dimension("0", "Inf", "0.0000002000", "Requests")], group="R")
    add(
        "B",
        "Global-Request",
        [dimension("0", "1000000", "0.0000000000", "Request")],
        group="R",
        regionCode="",
    )
    tiers = [
        dimension("7500000000", "Inf", "0.0000120001", "Lambda-GB-Second"),
        dimension("0", "7500000000", "0.0000133334", "Lambda-GB-Second"),
    ]
    add("C", "APS2-Lambda-GB-Second-ARM", tiers)
    add("D", "APS2-TS-Request", [dimension("0", "Inf", "9", "Requests")], group="R")
    add("E", "APS2-Outposts-Request", [dimension("0", "Inf", "9", "Requests")], locationType="AWS Outposts")
    return {
        "formatVersion": "v1.0",
        "publicationDate": "2026-11-20T10:00:00Z",
        "products": products,
        "terms": {"OnDemand": terms},
    }


def first(sku: str, found: dict[str, Any]) -> dict[str, Any]:
    (term,) = found["terms"]["OnDemand"][sku].values()
    dimensions: list[dict[str, Any]] = [*term["priceDimensions"].values()]
    return dimensions[0]


def test_prices_come_in_our_units_with_their_tiers() -> None:
    found, missing = read(listed(), REGION, [REQUESTS, DURATION])
    assert not missing
    assert found["lambda_million_requests"] == Found(0.2, ())
    (low, usd), (high, less) = found["lambda_gb_second_arm64"].tiers
    assert (low, usd, high, less) == (7.5e9, 0.0000133334, float("inf"), 0.0000120001)
    assert found["lambda_gb_second_arm64"].usd == usd


def test_in_us_east_1_a_usage_type_has_a_prefix_or_none() -> None:
    text = json.dumps(listed()).replace(REGION, "us-east-1")
    for prefix in ("", "USE1-"):
        found, missing = read(json.loads(text.replace("APS2-", prefix)), "us-east-1", [REQUESTS, DURATION])
        assert len(found) == 2, missing


def of_unit(found: dict[str, Any]) -> None:
    first("A", found)["unit"] = "Hrs"


def of(**price: Any) -> Change:
    """Return a function that changes the price per unit: to another currency or another amount."""
    return lambda found: first("A", found).update(pricePerUnit=price)


def without_product(found: dict[str, Any]) -> None:
    del found["products"]["A"]


def without_term(found: dict[str, Any]) -> None:
    del found["terms"]["OnDemand"]["A"]


def with_two_terms(found: dict[str, Any]) -> None:
    terms = found["terms"]["OnDemand"]["A"]
    terms["A.OTHER"] = copy.deepcopy(next(iter(terms.values())))


def with_another_price(found: dict[str, Any]) -> None:
    found["products"]["F"] = {**copy.deepcopy(found["products"]["A"]), "sku": "F"}
    found["terms"]["OnDemand"]["F"] = copy.deepcopy(found["terms"]["OnDemand"]["A"])
    first("F", found)["pricePerUnit"] = {"USD": "0.0000003000"}


def with_a_gap(found: dict[str, Any]) -> None:
    first("A", found)["beginRange"] = "5"


def without_end(found: dict[str, Any]) -> None:
    first("A", found)["endRange"] = "1000"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (of_unit, "in 'Hrs', not Request or Requests"),
        (of(CNY="1"), "in 'CNY', not in USD"),
        (of(USD="0.0000000000"), "costs nothing"),
        (of(USD="1E-400"), "costs nothing"),
        (of(USD="NaN"), "costs nothing, or is not a number"),
        (of(USD="1E+400"), "or is not a number"),
        (of(USD="1E+999999"), "not as AWS documents it"),
        (of(USD=None), "not as AWS documents it"),
        (without_product, "not in the list"),
        (without_term, "not as AWS documents it"),
        (with_two_terms, "not as AWS documents it"),
        (with_another_price, "2 different prices"),
        (with_a_gap, "tiers do not meet"),
        (without_end, "tiers do not meet"),
    ],
)
def test_a_price_that_is_not_as_documented_is_left_out_with_its_reason(change: Change, why: str) -> None:
    changed = listed()
    change(changed)
    found, missing = read(changed, REGION, [REQUESTS, DURATION])
    assert [*found] == ["lambda_gb_second_arm64"]
    assert why in missing["lambda_million_requests"]


@pytest.mark.parametrize("text", ["[]", "{}", '{"products": []}', "null"])
def test_a_file_that_is_not_a_price_list_is_refused(text: str) -> None:
    with pytest.raises(ListError, match="this is not a price list"):
        read(json.loads(text), REGION, [REQUESTS])


def test_malformed_products_are_skipped() -> None:
    found, missing = read({"products": {"A": 1, "B": {}, "C": {"attributes": 1}}}, REGION, [REQUESTS])
    assert (found, missing) == ({}, {"lambda_million_requests": "not in the list"})


def test_each_wanted_price_is_one_of_ours_and_wanted_only_once() -> None:
    rows = wanted()
    assert {row.name for row in rows} <= {*prices()}
    keys = [(row.offer, *row.usage, *row.attributes.items()) for row in rows]
    assert len({*keys}) == len(keys)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Yield AWS's faked answers by offer; an unknown offer is a 403, as AWS answers for missing files."""
    answers: dict[str, Any] = {"AWSLambda": json.dumps(listed()).encode()}

    def urlopen(address: str, timeout: float) -> io.BytesIO:
        assert address.startswith("https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/")
        assert address.endswith(f"/current/{REGION}/index.json")
        answer = answers.get(address.split("/")[6], urllib.error.HTTPError(address, 403, "", {}, None))  # type: ignore[arg-type]
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer)

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    monkeypatch.setattr(price_list, "wanted", lambda: [REQUESTS, DURATION])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    yield answers
    forget()


def test_the_command_writes_a_file_that_an_answer_reads(
    aws: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert aws
    assert main(["prices", "--region", REGION]) == 0
    said = capsys.readouterr().out
    assert f"2 prices of {REGION}" in said
    assert "without nat_gateway_hour: its list is about 450 MB" in said
    written = tomllib.loads(Path(own_folder(), f"{REGION}.toml").read_text())
    assert written["lambda_million_requests"]["confidence"] == "official"
    assert written["lambda_million_requests"]["date"] == date(2026, 11, 20)
    assert prices(REGION)["lambda_gb_second_arm64"].tiers[0][0] == 7.5e9


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"<html>", "AWSLambda: its list is not JSON"),
        (b"[" * 100_000, "AWSLambda: its list is not JSON"),
        (b"{}", "AWSLambda: this is not a price list"),
        (urllib.error.HTTPError("", 403, "", {}, None), "AWSLambda: AWS answers 403"),  # type: ignore[arg-type]
        (urllib.error.URLError("no route"), "AWS cannot be reached: no route"),
        (TimeoutError("timed out"), "timed out"),
        (BadStatusLine("x"), "AWS's answer is broken: BadStatusLine"),
    ],
)
def test_without_a_valid_answer_nothing_is_written(
    aws: dict[str, Any], capsys: pytest.CaptureFixture[str], answer: Any, why: str
) -> None:
    aws["AWSLambda"] = answer
    assert main(["prices", "--region", REGION]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert why in said.err.splitlines()[-1]
    assert not Path(own_folder()).exists()


def test_a_list_whose_date_cannot_be_read_is_an_error(aws: dict[str, Any]) -> None:
    aws["AWSLambda"] = json.dumps({**listed(), "publicationDate": "soon"}).encode()
    with pytest.raises(ListError, match="Invalid isoformat"):
        fetch(REGION, date(2026, 11, 27))


@pytest.mark.parametrize(
    ("region", "why"),
    [("us-east-1", "are already here"), ("../x", "must be a Region"), ("EU", "must be a Region")],
)
def test_us_east_1_and_malformed_regions_are_refused_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str], region: str, why: str
) -> None:
    assert main(["prices", "--region", region]) == 1
    assert why in capsys.readouterr().err
