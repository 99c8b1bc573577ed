"""Function packages without Docker: our folders, their locked dependencies for the target's CPU, and bytecode.

Two steps, each kept under build/ by a digest of all that goes into it, so that nothing stale is ever shipped and
synth needs no network once `python3 dev.py` has set up: `packages` asks pip, `bundle` only copies and compiles.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"
PYTHON = "3.13"
ARCHITECTURES = ("arm64", "x86_64")
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_GLIBC = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")  # Amazon Linux 2023 has 2.34
_COMPILER = Path(__file__).parent / "compile.mjs"


class BundlingError(Exception):
    """A package could not be made; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where a function runs. target: "aws", or "local" for this machine's own Python and CPU."""

    target: str
    python: str
    architecture: str

    @classmethod
    def aws(cls, architecture: str) -> "Runtime":
        return cls(target="aws", python=PYTHON, architecture=architecture)

    @classmethod
    def local(cls) -> "Runtime":
        return cls(
            target="local",
            python="{}.{}".format(*sys.version_info),
            architecture=f"{platform.system()}-{platform.machine()}",
        )


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A folder ready to be zipped, and the digest of everything that went into it."""

    path: Path
    digest: str


def bundle(function: str, runtime: Runtime, *, shared: Sequence[str] = ("contract", "imaging")) -> Bundle:
    """The package of `lambda_src/{function}`, with the `shared` folders that it imports.

    Raises BundlingError when dependencies that were not fetched before cannot be fetched now.
    """
    folders = [f"lambda_src/{function}", *shared]
    lock = ROOT / "lambda_src" / function / "requirements.txt"
    files = [ROOT / "lambda_src" / "__init__.py", *(file for name in folders for file in _sources(ROOT / name))]
    digest = _digest([*files, lock, Path(__file__), _COMPILER], runtime)
    output = BUILD / "bundles" / runtime.target / f"{function}-{digest[:16]}"

    def fill(folder: Path) -> None:
        shutil.copytree(packages(lock, runtime), folder, dirs_exist_ok=True)
        for file in files:
            copy = folder / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        _compile(folder, ["lambda_src", *shared], runtime)

    return Bundle(path=_once(output, fill), digest=digest)


def packages(lock: Path, runtime: Runtime) -> Path:
    """The dependencies of a lock file, installed for `runtime`.

    pyvips 3 comes as source only. Without pkgconfig, which is not among our pins, it builds as pure Python and finds
    libvips in pyvips-binary; built against a libvips of this machine it would not run on another.
    """

    def fill(folder: Path) -> None:
        _run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--require-hashes", "--no-deps"]
            + ["--no-build-isolation", "--only-binary=:all:", "--no-binary=pyvips", "--disable-pip-version-check"]
            + ["--requirement", str(lock), "--target", str(folder), *_platform(runtime)],
            what=f"install the function's packages for {runtime.architecture}; is the network there?",
        )
        if any((folder / "pyvips").glob("*.so")):
            raise BundlingError("pyvips was built against this machine's libvips: uninstall `pkgconfig` from .venv.")
        shutil.rmtree(folder / "bin", ignore_errors=True)
        _compile(folder, sorted(entry.name for entry in folder.iterdir() if (entry / "__init__.py").exists()), runtime)

    return _once(BUILD / "packages" / f"{runtime.target}-{_digest([lock, Path(__file__), _COMPILER], runtime)[:16]}", fill)


def _sources(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.py"))


def _digest(files: Sequence[Path], runtime: Runtime) -> str:
    digest = hashlib.sha256(f"{runtime.target}\0{runtime.python}\0{runtime.architecture}\0".encode())
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _platform(runtime: Runtime) -> list[str]:
    if runtime.target == "local":
        return []
    tags = [f"--platform={glibc}_{_MACHINES[runtime.architecture]}" for glibc in _GLIBC]
    return ["--implementation=cp", f"--python-version={runtime.python}", *tags]


def _compile(folder: Path, names: Sequence[str], runtime: Runtime) -> None:
    """Without bytecode of its own version a cold start compiles every import again, on a read-only disk."""
    if runtime.target == "local":
        command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash"]
        _run([*command, *(str(folder / name) for name in names)], what="compile the function's Python")
    else:
        _run(["node", str(_COMPILER), str(folder), runtime.python, *names], what="compile the function's Python")


def _run(command: list[str], *, what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BundlingError(f"Could not {what}\n{(done.stderr or done.stdout).strip()[-2000:]}")


def _once(output: Path, fill: Callable[[Path], None]) -> Path:
    """`output`, filled if it is not there yet; it appears whole or not at all, whoever else is at it."""
    if not output.exists():
        output.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=output.parent, prefix=".making-"))
        making.chmod(0o755)
        try:
            fill(making)
            making.rename(output)
        except OSError:
            if not output.exists():
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return output


if __name__ == "__main__":
    # Set-up calls this, so that no later synth needs the network.
    for lock_file in sorted((ROOT / "lambda_src").glob("*/requirements.txt")):
        for name in ARCHITECTURES:
            packages(lock_file, Runtime.aws(name))
