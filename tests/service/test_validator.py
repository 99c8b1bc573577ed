"""The IIIF validator's own tests, against the service as it runs."""

import json

from tests.service.conftest import SQUARES, Running
from tests.support.validation import check_by_validator


def test_the_iiif_validator_passes_at_levels_0_to_2_and_at_3_but_for_formats_not_written(
    service: Running,
) -> None:
    _, _, body = service.get(f"/iiif/3/{SQUARES}/info.json")
    check_by_validator(json.loads(body)["id"].rpartition("/")[0], SQUARES)
