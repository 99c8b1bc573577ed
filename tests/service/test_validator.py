"""The IIIF validator's own tests, against the running service."""

import json

from tests.service.conftest import SQUARES, Running
from tests.support.validation import check_by_validator


def test_only_the_validators_tests_that_are_listed_fail(
    service: Running,
) -> None:
    _, _, body = service.get(f"/iiif/3/{SQUARES}/info.json")
    check_by_validator(json.loads(body)["id"].rpartition("/")[0], SQUARES)
