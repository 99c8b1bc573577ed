"""Settings: valid ones are read, invalid ones are refused with a list of what is allowed."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from runtime.imaging.limits import Limits
from stacks.settings import Settings, SettingsError
from tests.support.settings import CERTIFICATE

ROOT = Path(__file__).parents[3]


def test_cdk_json_holds_the_defaults() -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert Settings.from_context(context) == Settings()
    assert {name for name in context if "/" not in name and ":" not in name} == {
        *asdict(Settings()),
        "cli-telemetry",
    } - {"target"}


def test_the_limits_of_the_settings_are_those_of_the_image_core() -> None:
    assert (Settings().max_pixels, Settings().max_bytes) == (Limits().max_pixels, Limits().max_bytes)


def test_values_from_the_command_line_are_converted_from_text() -> None:
    settings = Settings.from_context({"stage": "production", "labels": "on", "max_pixels": "5000000"})
    assert (settings.stage, settings.labels, settings.max_pixels) == ("production", "on", 5_000_000)


@pytest.mark.parametrize(
    ("context", "says"),
    [
        (
            {"stag": "production"},
            r"Unknown setting stag\. There are: prefix, stage, architecture",
        ),
        ({"max-pixels": 1}, "Unknown setting max-pixels"),
        ({"stage": "prod"}, r"Invalid value stage='prod'\. Allowed: sandbox, production\."),
        ({"architecture": "arm"}, "Allowed: arm64, x86_64"),
        ({"labels": True}, "Allowed: off, on"),
        ({"max_pixels": "many"}, "Allowed: whole numbers from 1 to 100,000,000"),
        ({"max_pixels": 0}, "Allowed: whole numbers"),
        ({"max_bytes": 10**12}, "Allowed: whole numbers from 1 to 104,857,600"),
        ({"max_tasks": 1}, "whole numbers from 2 to 1,000"),
        ({"egress": "vpn"}, "Allowed: public-ip, nat, endpoints"),
        ({"domain": "images.example.com"}, "domain and certificate_arn go together"),
        ({"certificate_arn": CERTIFICATE}, "certificate_arn and domain go together"),
        ({"domain": "https://example.com"}, "a name such as images.example.com"),
        ({"certificate_arn": "arn:aws:acm:eu-west-1:1:certificate/a"}, "a certificate in us-east-1"),
        ({"alarm_email": "nobody"}, "Allowed: an e-mail address, or nothing"),
    ],
)
def test_an_invalid_setting_is_an_error_that_lists_what_is_allowed(
    context: dict[str, Any], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        Settings.from_context(context)


def test_the_keys_of_the_cdk_itself_are_left_alone() -> None:
    Settings.from_context({"@aws-cdk/core:flag": True, "aws:cdk:x": 1, "acknowledged-issue-numbers": [1]})


def test_a_stack_name_begins_with_the_prefix_and_in_production_the_stage() -> None:
    assert Settings().stack_name("Network") == "lof-Network"
    assert Settings(stage="production", prefix="ours").stack_name("Network") == "ours-production-Network"


def test_zones_are_read_as_two_ids() -> None:
    assert Settings().zone_ids == ()
    assert Settings.from_context({"zones": "usgw1-az1,usgw1-az2"}).zone_ids == ("usgw1-az1", "usgw1-az2")
