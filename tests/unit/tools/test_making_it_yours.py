"""What the pages say under "Make it yours", applied to copies: they synthesise, and their tests pass."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.tools.test_copying import NOT_SLOW, ROOT, TESTS, run
from tools.commands.copy import main

pytestmark = pytest.mark.slow
HANDLER = "lambda_src/renditions/handler.py"
TESTS_OF_HANDLER = "tests/unit/lambda_src/renditions/test_handler.py"
DISPATCHER, WORKER = "lambda_src/dispatcher/handler.py", "container/worker/__main__.py"
QUEUE_WORKER = "container/queue_worker/__main__.py"
SCANS = "Scans(limits=Limits(max_pixels={0}.max_pixels, max_bytes={0}.max_bytes))"
LINES = ("from runtime.work.scans import Scans", "from runtime.work.lines import Lines")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mine"


def copy(pattern: str, folder: Path) -> None:
    assert main([pattern, str(folder), "--name", "mine"]) == 0
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    (folder / "build").mkdir()
    (folder / "build" / "packages").symlink_to(ROOT / "build" / "packages")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message=Copy")


def git(folder: Path, *command: str) -> str:
    done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def module(name: str) -> str:
    """Return the dotted name of a file, as pages may write it."""
    return name.removesuffix(".py").replace("/", ".")


def section(folder: Path, page: str) -> str:
    return (folder / "docs" / page).read_text().partition("## Make it yours")[2]


def change(file: Path, *pairs: tuple[str, str]) -> None:
    """Replace texts, each of which occurs once."""
    text = file.read_text()
    for old, new in pairs:
        assert text.count(old) == 1, (file, old)
        text = text.replace(old, new)
    file.write_text(text)


def holds(folder: Path, page: str) -> None:
    """Assert that a copy synthesises, passes its quick tests, and differs only in files the page names."""
    touched = {
        line[3:] for line in git(folder, "status", "--porcelain", "--untracked-files=all").splitlines()
    }
    said = section(folder, page)
    assert {name for name in touched if f"`{name}`" not in said and f"`{module(name)}`" not in said} == set()
    done = run(folder, "cdk", "synth", "--quiet", CDK_VALIDATION="false")
    assert done.returncode == 0, done.stderr
    done = run(folder, sys.executable, "-m", *TESTS, *NOT_SLOW)
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_copy_of_the_lambda_pattern_counts_words(folder: Path) -> None:
    copy("LambdaPattern", folder)
    (code,) = re.findall(r"```python\n(.*?)```", section(folder, "lambda-pattern.md"), re.DOTALL)
    words = re.sub(r"^ {3}", "", code, flags=re.MULTILINE)
    (folder / "lambda_src/renditions/words.py").write_text(words.rstrip() + "\n")
    text = (folder / HANDLER).read_text()
    photos = text[text.index("    work=Photos(") : text.index("\n)\n\n\ndef _work")]
    change(
        folder / HANDLER,
        (photos, "    work=Words(),"),
        ("from lambda_src.renditions.photos import Photos", "from lambda_src.renditions.words import Words"),
    )
    change(folder / TESTS_OF_HANDLER, ('PHOTO = encode(corners(600, 400), ".jpg")', 'PHOTO = b"a few words"'))
    (folder / "tests/unit/lambda_src/renditions/test_hostile_photo.py").unlink()
    holds(folder, "lambda-pattern.md")


def test_a_copy_of_the_hybrid_numbers_lines(folder: Path) -> None:
    copy("HybridPattern", folder)
    shutil.copyfile(folder / "tests/support/lines.py", folder.joinpath("runtime", "work", "lines.py"))
    change(folder / DISPATCHER, (SCANS.format("limits"), "Lines()"), LINES)
    change(folder / WORKER, (SCANS.format("told"), "Lines()"), LINES)
    (folder / "tests/unit/container/test_worker.py").unlink()
    holds(folder, "hybrid-pattern.md")


def test_a_copy_of_the_queue_pattern_numbers_lines(folder: Path) -> None:
    copy("QueuePattern", folder)
    shutil.copyfile(folder / "tests/support/lines.py", folder.joinpath("runtime", "work", "lines.py"))
    change(folder / QUEUE_WORKER, (SCANS.format("told"), "Lines()"), LINES)
    holds(folder, "queue-pattern.md")
