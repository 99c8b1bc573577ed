"""cfn-lint over every template, with each of the `SETTINGS`; `dev.py check` covers only the defaults."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app import STACKS
from dev import CHECKS
from tests.support.settings import SETTINGS, complete
from tests.synth.conftest import Synth


@pytest.mark.slow
def test_cfn_lint_finds_nothing_with_any_settings(synth: Synth, tmp_path: Path) -> None:
    different = {json.dumps(synth(stack, **complete(settings))) for settings in SETTINGS for stack in STACKS}
    for number, template in enumerate(different):
        (tmp_path / f"{number}.template.json").write_text(template)
    (lint,) = [command for command in CHECKS if command[0] == "cfn-lint"]
    command = [Path(sys.executable).parent / lint[0], *lint[1:-1], f"{tmp_path}/*.template.json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
