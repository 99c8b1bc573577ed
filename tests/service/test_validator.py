"""The IIIF validator's own tests, against the service as it runs."""

import json
import subprocess
import sys
from pathlib import Path

from tests.service.conftest import SQUARES, Running

NOT_WRITTEN = {"format_pdf", "format_jp2", "format_gif", "format_tif"}


def test_the_iiif_validator_passes_at_levels_0_to_2_and_at_3_but_for_formats_not_written(
    service: Running,
) -> None:
    script = Path(__file__).with_name("validate.py")
    command = [sys.executable, str(script), f"127.0.0.1:{service.port}", "iiif/3", SQUARES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(results) == 45
    failed = {one["name"]: one for one in results if one["failure"]}
    assert {*failed} == NOT_WRITTEN, failed
    assert {one["level"] for one in failed.values()} == {3}
