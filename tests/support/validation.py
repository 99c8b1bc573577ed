"""The IIIF validator's results for a service."""

import json
import subprocess
import sys
from pathlib import Path

AGAINST_THE_TEXT = {"size_noup"}
"""Tests that contradict the specification: they expect a 400 for `!w,h` beyond the image's size. The text
requires the image's own size there, "not larger than the extracted region", and viewers rely on that for
thumbnails of small pictures: docs/decisions/0016.
"""
NOT_WRITTEN = {"format_pdf", "format_jp2", "format_gif", "format_tif"}


def check_by_validator(*arguments: str) -> None:
    """Run the tests of levels 0 to 3; check that exactly NOT_WRITTEN and AGAINST_THE_TEXT fail."""
    script = Path(__file__).with_name("validate.py")
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, check=True
    )
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(results) == 45
    failed = {one["name"]: one for one in results if one["failure"]}
    assert {*failed} == NOT_WRITTEN | AGAINST_THE_TEXT, failed
    assert {one["level"] for name, one in failed.items() if name in NOT_WRITTEN} == {3}
