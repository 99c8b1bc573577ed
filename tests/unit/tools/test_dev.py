"""dev.py and tools/set_up.py: commands and their arguments, checks of the machine, and stamps."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dev
from tools import set_up

ROOT = Path(__file__).parents[3]


def test_an_older_python_can_read_it_and_say_that_it_is_too_old() -> None:
    tree = ast.parse((ROOT / "dev.py").read_text(), feature_version=(3, 8))
    first = next(node for node in tree.body if isinstance(node, ast.If))
    before = tree.body[: tree.body.index(first)]
    assert "version_info" in ast.unparse(first.test)
    assert all(isinstance(node, (ast.Expr, ast.Import)) for node in before)


def test_it_needs_nothing_but_the_standard_library() -> None:
    imported: set[str] = set()
    for file in ("dev.py", "tools/set_up.py"):
        tree = ast.parse((ROOT / file).read_text())
        imported |= {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported - {"tools.set_up"}} <= sys.stdlib_module_names


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["help"], 0), (["deploy"], 2)])
def test_without_a_known_command_it_lists_them(arguments: list[str], code: int) -> None:
    done = subprocess.run([sys.executable, "dev.py", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == code
    for command in dev.COMMANDS:
        assert f"  {command}" in done.stdout


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("NewConnectionError: Failed to establish a new connection", "cannot be reached"),
        ("ERROR: Could not find a version (from versions: none)", "cannot be reached"),
        ("npm error code ENOTFOUND", "cannot be reached"),
        ("something else", "see above"),
    ],
)
def test_a_step_that_failed_says_what_to_do(said: str, advice: str) -> None:
    assert advice in set_up.advice(said)


@pytest.mark.parametrize(
    ("arguments", "is_everything"),
    [
        ([], True),
        (["-x"], True),
        (["-n", "4"], True),
        (["--under-load"], True),
        (["tests/unit"], False),
        (["tests/unit/tools/test_dev.py::test_x"], False),
        (["-m", "slow"], False),
        (["-k", "dev"], False),
    ],
)
def test_only_paths_and_expressions_select_tests(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], is_everything: bool
) -> None:
    called: list[str] = []
    monkeypatch.setattr(dev, "become", lambda *command: called.extend(command))
    dev.test(arguments)
    assert ({*dev.ALL_TESTS} <= {*called}) is is_everything
    assert called[len(called) - len(arguments) :] == arguments
    assert ("--ignore=tests/synth" in called) is (arguments == ["--under-load"])


def test_too_little_disk_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10**8}))
    with pytest.raises(set_up.SetupError, match=r"needs 2 GB of disk and 0\.1 GB are free: make room"):
        set_up.check_machine()


def test_a_missing_venv_module_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(set_up.SetupError, match="apt install python3-venv"):
        set_up.check_machine()


def test_a_stamp_is_current_until_one_of_its_files_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_up, "ROOT", tmp_path)
    (tmp_path / "lock.txt").write_text("a==1")
    set_up.Stamp(tmp_path, ["lock.txt"]).write()
    assert set_up.Stamp(tmp_path, ["lock.txt"]).is_current()
    (tmp_path / "lock.txt").write_text("a==2")
    assert not set_up.Stamp(tmp_path, ["lock.txt"]).is_current()
