"""Prices of other Regions: their own where known, else derived from us-east-1's, with a note and a range."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from chooser import prices
from chooser.__main__ import main
from chooser.candidates import Candidate, total
from chooser.choose import choose
from chooser.keys import WorkloadError, load, parse
from chooser.report import answer

ROOT = Path(__file__).parents[3]
API = load(str(ROOT / "examples" / "api.toml"))
SHIPPED = ("eu-central-1", "eu-west-1", "us-west-2")
NEEDED = (
    *(f"fargate_{unit}_hour_{cpu}" for unit in ("vcpu", "gb") for cpu in ("x86_64", "arm64")),
    *("lambda_million_requests", "lambda_gb_second_x86_64", "lambda_gb_second_arm64"),
    *("load_balancer_hour", "load_balancer_capacity_hour", "logs_gb", "transfer_out_gb", "public_ipv4_hour"),
)


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = Path(prices.own_folder())
    folder.mkdir(parents=True)
    prices.forget()
    yield folder
    prices.forget()


@pytest.mark.parametrize("region", SHIPPED)
def test_the_prices_that_most_bills_need_are_known_for_the_region_itself(region: str) -> None:
    found = prices.prices(region)
    assert tomllib.loads(Path(prices.file_of(region)).read_text()).keys() - {"region", "as_of"} <= {*found}
    assert not [name for name in NEEDED if found[name].borrowed]
    for one in found.values():
        assert one.source.startswith("https://")
        assert one.confidence in ("official", "secondary", "unverified")
        if one.confidence == "unverified":
            assert one.low is not None
            assert one.high is not None
            assert one.low <= one.usd <= one.high, one.name
        if one.tiers:
            assert max(usd for _, usd in one.tiers) == pytest.approx(one.usd)
            assert one.tiers[-1][0] == float("inf")


def test_frankfurt_costs_more_by_fargate_and_the_same_by_lambda() -> None:
    there = API._replace(region="eu-central-1")
    service, function = Candidate.SERVICE, Candidate.LAMBDA
    assert total(service, there, "arm64") > 1.1 * total(service, API, "arm64")
    alone = {"front_door": "none", "log_kb": 0, "payload_out_mb": 0}
    here, away = (total(function, one._replace(**alone), "arm64") for one in (API, there))  # type: ignore[arg-type]
    assert here == pytest.approx(away)


def test_a_price_borrowed_from_another_region_has_a_range_and_is_named() -> None:
    load = parse(
        {
            "name": "a",
            "requests": 1e6,
            "duration_ms": {"arm64": 100},
            "memory_mb": 1024,
            "region": "eu-west-1",
            "events": 1,
        }
    )
    best = choose(load)[0]
    low, high = best.spread
    assert low < high
    assert "events_million" in best.unverified
    (note,) = [one for one in answer(load).notes if one.startswith("Not known for eu-west-1")]
    assert "taken from us-east-1" in note
    assert "events_million" in note


def test_a_missing_price_is_scaled_like_the_other_architectures_price() -> None:
    arm, x86 = (f"lambda_provisioned_gb_second_{one}" for one in ("arm64", "x86_64"))
    there = prices.price(arm, "eu-central-1")
    times = prices.price(x86, "eu-central-1").usd / prices.price(x86).usd
    assert there.borrowed
    assert times > 1.1
    assert there.usd == pytest.approx(prices.price(arm).usd * times)


def test_free_tiers_and_cloudfront_are_the_same_everywhere() -> None:
    for name, one in prices.prices("eu-west-1").items():
        if name.startswith(("free_", "cloudfront_")):
            assert one == prices.price(name)


def test_borrowed_tiers_keep_their_proportion() -> None:
    here, there = prices.price("transfer_out_gb"), prices.price("transfer_out_gb", "eu-central-1")
    assert there.of(1e6) == pytest.approx(here.of(1e6) * there.usd / here.usd)


def test_a_region_without_prices_is_an_error_that_says_how_to_get_them() -> None:
    with pytest.raises(WorkloadError, match=r"eu-west-1.*python3 -m chooser prices --region sa-east-1"):
        parse(
            {"name": "a", "requests": 1, "duration_ms": {"arm64": 1}, "memory_mb": 128, "region": "sa-east-1"}
        )


def test_a_users_own_file_gives_the_prices_of_its_region(
    own: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    entry = 'usd = 0.07\nsource = "https://a.example"\ndate = 2026-11-01\nconfidence = "official"\n'
    (own / "sa-east-1.toml").write_text(f"as_of = 2026-11-01\n[fargate_vcpu_hour_arm64]\n{entry}")
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "a"\nrequests = 1\nduration_ms = { arm64 = 1 }\nmemory_mb = 128\nregion = "sa-east-1"\n'
    )
    assert main([str(file)]) == 0
    said = capsys.readouterr().out
    assert (
        f"List prices of sa-east-1 as of 2026-11-01; each with its source in {own / 'sa-east-1.toml'}."
        in said
    )
    assert prices.price("fargate_vcpu_hour_arm64", "sa-east-1").usd == 0.07


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[logs_gb]\nusd = 1\n",
        *(
            f'as_of = 2026-11-01\n[logs_gb]\nsource = "a"\ndate = 2026-11-01\n{entry}\n'
            for entry in (
                'price = 1\nconfidence = "official"',
                'usd = "1"\nconfidence = "official"',
                'usd = inf\nconfidence = "official"',
                'usd = 1\nconfidence = "unverified"',
                'usd = 1\ntiers = [[1]]\nconfidence = "official"',
            )
        ),
    ],
)
def test_a_price_file_that_cannot_be_read_is_an_error_that_says_so(own: Path, text: str) -> None:
    (own / f"xx-y-{len(text)}.toml").write_text(text)
    with pytest.raises(WorkloadError, match="cannot be read"):
        parse(
            {
                "name": "a",
                "requests": 1,
                "duration_ms": {"arm64": 1},
                "memory_mb": 128,
                "region": f"xx-y-{len(text)}",
            }
        )
