"""THIRD_PARTY_NOTICES.md names every package that a function or a container image contains."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = sorted(
    lock for part in ("lambda_src", "container") for lock in (ROOT / part).glob("*/requirements.txt")
)
OTHER_NAMES = {"av": "pyav", "aws-lambda-powertools": "powertools for aws lambda"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_every_package_that_is_shipped_is_named(lock: Path) -> None:
    notices = (ROOT / "THIRD_PARTY_NOTICES.md").read_text().lower().replace("_", "-")
    shipped = re.findall(r"^([\w.-]+)==", lock.read_text().lower().replace("_", "-"), re.MULTILINE)
    assert shipped
    assert [name for name in shipped if f"[{OTHER_NAMES.get(name, name)}]" not in notices] == []
