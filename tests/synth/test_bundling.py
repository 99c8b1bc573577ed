"""Function packages: what changes their hash, and what is in them."""

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from stacks import bundling
from stacks.bundling import ROOT, Bundle, Runtime, bundle

Bundled = Callable[..., Bundle]
_bundled = partial(bundle, shared=("runtime",))


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what goes into a package, in which files can be touched; nothing is installed or compiled."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("lambda_src", "runtime", "stacks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / "docs").mkdir()
    (tmp_path / "packages").mkdir()
    monkeypatch.setattr(bundling, "ROOT", tmp_path)
    monkeypatch.setattr(bundling, "BUILD", tmp_path / "build")
    monkeypatch.setattr(
        bundling, "_RECIPE", tuple(tmp_path / "stacks" / one.name for one in bundling._RECIPE)
    )
    monkeypatch.setattr(bundling, "packages", lambda lock, runtime: tmp_path / "packages")
    monkeypatch.setattr(bundling, "_compile", lambda folder, names, runtime: None)
    return tmp_path


@pytest.mark.parametrize(
    "touched",
    [
        "runtime/imaging/renditions.py",
        "runtime/imaging/headers/png.py",
        "runtime/events.py",
        "lambda_src/renditions/job.py",
        "runtime/sqs_batch.py",
        "lambda_src/renditions/requirements.txt",
        "stacks/compile.mjs",
        "stacks/bundling.py",
    ],
)
def test_touching_what_is_shipped_changes_the_hash(tree: Path, touched: str) -> None:
    before = _bundled("renditions", Runtime.aws("arm64"))
    with (tree / touched).open("a") as file:
        file.write("\n")
    after = _bundled("renditions", Runtime.aws("arm64"))
    assert after.digest != before.digest
    assert after.path != before.path


@pytest.mark.parametrize("touched", ["docs/page.md", "stacks/settings.py", "runtime/notes.md"])
def test_touching_what_is_not_shipped_does_not(tree: Path, touched: str) -> None:
    before = _bundled("renditions", Runtime.aws("arm64"))
    with (tree / touched).open("a") as file:
        file.write("\n")
    assert _bundled("renditions", Runtime.aws("arm64")) == before


def test_architecture_python_and_target_each_have_a_package_of_their_own(tree: Path) -> None:
    runtimes = [
        Runtime(target=target, python=python, architecture=architecture)
        for target in ("aws", "local")
        for python in ("3.12", "3.13")
        for architecture in ("arm64", "x86_64")
    ]
    assert len({_bundled("renditions", runtime).digest for runtime in runtimes}) == 8


def test_a_package_that_could_not_be_made_is_not_left_half_done(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise bundling.BundlingError("no compiler")

    monkeypatch.setattr(bundling, "_compile", fail)
    with pytest.raises(bundling.BundlingError):
        _bundled("renditions", Runtime.aws("arm64"))
    assert [path for path in (tree / "build").rglob("*") if path.is_file()] == []


@pytest.fixture
def umask_077(tree: Path) -> Iterator[None]:
    """As in a checkout that was made, and is bundled, under a umask of 077."""
    before = os.umask(0o077)
    for path in (tree, *tree.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    yield
    os.umask(before)


def test_a_package_made_under_any_umask_can_be_read_by_every_user(tree: Path, umask_077: None) -> None:
    (tree / "packages" / "run.sh").touch(0o700)
    made = _bundled("renditions", Runtime.aws("arm64")).path
    modes = {path.relative_to(made).as_posix(): path.stat().st_mode & 0o777 for path in made.rglob("*")}
    modes["."] = made.stat().st_mode & 0o777
    assert len(modes) > 20
    wanted = {name: 0o755 if (made / name).is_dir() or name == "run.sh" else 0o644 for name in modes}
    assert modes == wanted


@pytest.mark.parametrize(("architecture", "machine"), [("arm64", b"\xb7\0"), ("x86_64", b"\x3e\0")])
def test_the_real_package_is_whole_small_compiled_and_for_its_cpu(
    tmp_path: Path, architecture: str, machine: bytes
) -> None:
    folder = _bundled("renditions", Runtime.aws(architecture)).path
    libraries = [path for path in folder.rglob("*.so*") if path.is_file()]
    assert {path.read_bytes()[18:20] for path in libraries} == {machine}  # e_machine of the ELF header
    assert not list((folder / "pyvips").glob("*.so"))
    sources = [path for path in folder.rglob("*.py") if path.parent != folder]
    for source in sources:
        assert (source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc").exists(), source
    assert {path.name for path in folder.iterdir()} >= {
        "lambda_src",
        "runtime",
        "pyvips",
        "urllib3",
        "_libvips.abi3.so",
    }
    assert not {"boto3", "botocore", "tests", "stacks"} & {path.name for path in folder.iterdir()}
    zipped = tmp_path / "function.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    assert zipped.stat().st_size < 15_000_000


def test_the_packages_keep_their_licences() -> None:
    folder = _bundled("renditions", Runtime.aws("arm64")).path
    assert list(folder.glob("pyvips_binary-*.dist-info/licenses/LICENSE"))
