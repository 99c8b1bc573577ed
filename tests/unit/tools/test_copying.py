"""Each pattern copied alone into an empty folder: it synthesises, and its tests pass."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app import PATTERNS
from tests.synth.conftest import templates
from tools.commands.copy import main

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
OF_OTHERS = {
    "LambdaPattern": (
        r"fargate.?pattern|hybrid.?pattern|lambda_src.(dispatcher|tracker)|container.(service|worker)",
        r"\begress\b|flow_logs|max_tasks|certificate_arn|base_image|max_scan_|\bwaf\b|spot\b",
        r"stream.?pattern|queue.?pattern|lambda_src.views",
        r"image-service|pyramid\.md",
    ),
    "FargatePattern": (
        r"lambda.?(pattern|service)|hybrid.?pattern|stream.?pattern|queue.?pattern",
        r"lambda_src.\w|container.(queue_)?worker",
        r"max_scan_|\blabels\b|spot\b|max_concurrency|contract\.md|pyramid\.md",
    ),
    "LambdaService": (
        r"lambda.?pattern|fargate.?pattern|(hybrid|stream|queue).?pattern|container.(queue_)?worker",
        r"lambda_src.(renditions|dispatcher|tracker|views)",
        r"\begress\b|flow_logs|max_tasks|base_image|max_scan_|spot\b|max_concurrency|pyramid\.md",
    ),
    "HybridPattern": (
        r"lambda.?pattern|fargate.?pattern|(stream|queue).?pattern|lambda_src.(renditions|views)",
        r"container.(service|queue_worker)",
        r"\bwaf\b|max_tasks|certificate_arn|\blabels\b|image-service",
    ),
    "QueuePattern": (
        r"lambda.?(pattern|service)|fargate.?pattern|(hybrid|stream).?pattern|lambda_src.\w",
        r"container.(service|worker)\b",
        r"\bwaf\b|certificate_arn|\blabels\b|\bspot=|max_concurrency|image-service",
    ),
    "StreamPattern": (
        r"queue.?pattern|lambda.?pattern|fargate.?pattern|hybrid.?pattern|lambda_src.(renditions|dispatcher|tracker)",
        r"container.(service|worker)",
        r"\begress\b|flow_logs|max_tasks|certificate_arn|base_image|max_scan_|\bwaf\b|spot\b|\blabels\b",
        r"contract\.md|image-service|pyramid\.md",
    ),
}
"""Words of other patterns that must not remain in a copy; settings too, unless they are common words."""
WRITE = "import json; from tests.synth.conftest import templates; print(json.dumps(templates()))"
LOCKS = ("requirements.txt", "requirements-build.txt", "package-lock.json")


FIRST = "LambdaPattern"
"""The smallest pattern; copies of the others are made in slow tests only."""
PYTEST = 'pytest -m "not slow"'
TESTS, NOT_SLOW = ("pytest", "-q"), ("-m", "not slow")
"""How a copy is tested. CI runs the slow tests in this repository, and again only in the smallest copy."""
ONES = [one if one == FIRST else pytest.param(one, marks=pytest.mark.slow) for one in PATTERNS]


@pytest.fixture(scope="module", params=ONES)
def copied(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("copy") / "mine"
    assert main([request.param, str(folder)]) == 0
    (folder / "node_modules").symlink_to(ROOT / "node_modules")  # as npm ci would make it
    (folder / "build").mkdir()
    (folder / "build" / "packages").symlink_to(ROOT / "build" / "packages")  # as the first synth would
    return request.param, folder


def run(folder: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}:{ROOT}/node_modules/.bin:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "CI"))}
    environment = {**kept, "PATH": path, **more}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_nothing_of_the_other_patterns_comes_along(copied: tuple[str, Path]) -> None:
    pattern, folder = copied
    found = run(
        folder, "grep", "-rinE", "|".join(OF_OTHERS[pattern]), ".", *(f"--exclude={name}" for name in LOCKS)
    )
    assert found.stdout == ""
    assert not {"chooser", "tools", "bench", "dev.py"} & {path.name for path in folder.iterdir()}


def test_every_link_of_the_copys_pages_leads_somewhere(copied: tuple[str, Path]) -> None:
    _, folder = copied
    for page in folder.rglob("*.md"):
        for path in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text()):
            assert (page.parent / path).exists(), (page, path)


def test_no_test_of_code_that_stays_here_comes_along(copied: tuple[str, Path]) -> None:
    _, folder = copied
    tested = {
        test.parent.relative_to(folder / "tests/unit") for test in folder.rglob("tests/unit/**/test_*.py")
    }
    ours = {one for one in tested if any((ROOT / one).glob("*.py"))}
    assert ours
    assert [one for one in ours if not any((folder / one).glob("*.py"))] == []


def test_the_copys_templates_are_the_same_but_for_assets(copied: tuple[str, Path]) -> None:
    pattern, folder = copied
    done = run(folder, sys.executable, "-c", WRITE)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert {*made} in ({pattern}, {pattern, "Network"})
    for stack, template in made.items():
        assert without_hashes(template) == without_hashes(templates()[stack]), stack


def without_hashes(template: dict[str, object]) -> str:
    return re.sub(r"[0-9a-f]{64}", "asset", json.dumps(template, sort_keys=True))


@pytest.mark.slow
def test_the_copys_tests_pass(copied: tuple[str, Path]) -> None:
    pattern, folder = copied
    assert PYTEST in (folder / "README.md").read_text()
    done = run(folder, sys.executable, "-m", *TESTS, *([] if pattern == FIRST else NOT_SLOW))
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


@pytest.mark.slow
def test_with_the_local_aws_the_tests_that_deploy_it_pass_too(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert main(["LambdaPattern", str(folder), "--with-local-aws"]) == 0
    (folder / "build").mkdir()
    for shared in ("node_modules", "build/packages", ".ministack", "tools/local_aws/node_modules"):
        (folder / shared).symlink_to(ROOT / shared)
    assert not {"chooser", "bench", "dev.py"} & {path.name for path in folder.iterdir()}
    assert os.access(folder / "tools/local_aws/docker.py", os.X_OK), "the CDK CLI starts it"
    assert {path.stem for path in (folder / "tools/drivers").glob("*_pattern.py")} == {"lambda_pattern"}
    done = run(folder, sys.executable, "-m", "pytest", "-q", "tests/local", "-m", "not slow")
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("")
    assert main(["LambdaPattern", str(tmp_path)]) == 1
    assert "not empty" in capsys.readouterr().err
