"""LambdaPattern copied alone into an empty folder: it synthesises, and its own tests pass there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.commands.copy import OTHERS, main

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy") / "mine"
    assert main(["LambdaPattern", str(folder)]) == 0
    (folder / "node_modules").symlink_to(ROOT / "node_modules")  # as npm ci would make it
    (folder / "build").mkdir()
    (folder / "build" / "packages").symlink_to(ROOT / "build" / "packages")  # as the first synth would
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_nothing_of_the_other_patterns_comes_along(copied: Path) -> None:
    assert not [name for name in OTHERS if name in (copied / "app.py").read_text()]
    assert not {"container", "chooser", "tools", "bench"} & {path.name for path in copied.iterdir()}


def test_it_synthesises_one_stack(copied: Path) -> None:
    done = run(copied, str(ROOT / "node_modules/aws-cdk/bin/cdk"), "synth", "--quiet", "--output", "cdk.out")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in copied.glob("cdk.out/*.template.json")] == ["LambdaPattern.template.json"]


def test_its_tests_pass(copied: Path) -> None:
    which = (
        "synth/test_lambda_pattern.py",
        "unit/lambda_src/renditions/test_handler.py",
        "unit/runtime/test_events.py",
    )
    done = run(copied, sys.executable, "-m", "pytest", "-q", "-x", *(f"tests/{name}" for name in which))
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


def test_a_folder_with_something_in_it_is_left_alone(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["LambdaPattern", str(copied)]) == 1
    assert "not empty" in capsys.readouterr().err
