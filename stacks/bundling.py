"""Function packages without Docker, and build contexts of images, both from import closures.

Each is kept under build/, named by a digest of its inputs, so that nothing stale is ever shipped.
Only `packages` runs pip. Set-up calls it for every function on both of Lambda's architectures, so that
`bundle` then needs no network for these. A bundle for the local AWS still runs pip the first time.
"""

import hashlib
import platform
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stacks.imports import closure

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"
PYTHON = "3.13"
ARCHITECTURES = ("arm64", "x86_64")
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_GLIBC = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")  # Amazon Linux 2023 has 2.34
_PIP = (
    *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"),
    *("--require-hashes", "--only-binary=:all:", "--no-binary=pyvips", "--no-build-isolation"),
)
_COMPILER = Path(__file__).with_name("compile.mjs")
_RECIPE = (Path(__file__), _COMPILER)


class BundlingError(Exception):
    """Raised when a package cannot be built; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where a function runs. target: "aws", or "local" for this machine's own Python and CPU."""

    target: str
    python: str
    architecture: str

    @classmethod
    def aws(cls, architecture: str) -> "Runtime":
        """Return Lambda's runtime, for one CPU architecture."""
        return cls(target="aws", python=PYTHON, architecture=architecture)

    @classmethod
    def local(cls) -> "Runtime":
        """Return this machine's runtime, for the local AWS."""
        python = "{}.{}".format(*sys.version_info)
        return cls(target="local", python=python, architecture=f"{sys.platform}-{platform.machine()}")


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A folder ready to be zipped, and the digest of everything that went into it."""

    path: Path
    digest: str


def bundle(function: str, runtime: Runtime) -> Bundle:
    """Return the package of `lambda_src/{function}`: its handler, what it imports, and dependencies.

    Raises what `packages` raises, and BundlingError if the code does not compile.
    """
    lock = ROOT / "lambda_src" / function / "requirements.txt"
    sources = closure(f"lambda_src.{function}.handler", root=ROOT)
    digest = _digest([*sources, lock, *_RECIPE], runtime)

    def fill(folder: Path) -> None:
        shutil.copytree(packages(lock, runtime), folder, dirs_exist_ok=True)
        _copy(sources, folder)
        _compile(folder, sorted({file.relative_to(ROOT).parts[0] for file in sources}), runtime)

    return Bundle(path=_once(f"bundles/{runtime.target}/{function}-{digest[:16]}", fill), digest=digest)


def context(image: str, *modules: str) -> Path:
    """Return the build context of `container/{image}`: Dockerfile, lock files, code and all its imports.

    modules: modules that run in the container in addition to `container.{image}`.

    Raises BundlingError if the Dockerfile leaves out some of that code.
    """
    folder = ROOT / "container" / image
    sources = closure(f"container.{image}", *modules, root=ROOT)
    _check_copied(sources, folder / "Dockerfile")
    files = [folder / "Dockerfile", folder / "requirements.txt", ROOT / "requirements-build.txt", *sources]
    digest = _digest([*files, *_RECIPE], image)
    return _once(f"contexts/{image}-{digest[:16]}", lambda made: _copy(files, made))


def _check_copied(sources: list[Path], dockerfile: Path) -> None:
    text, copied = dockerfile.read_text().replace("\\\n", " "), set[Path]()
    for line in re.findall(r"^[ \t]*(?:COPY|ADD)[ \t](.+)$", text, re.IGNORECASE | re.MULTILINE):
        words = re.sub(r'[\[\],"]', " ", line).split()  # its JSON form too
        if not any(one.startswith("--from") for one in words):
            copied |= {ROOT / one.lstrip("/") for one in words[:-1] if not one.startswith("--")}
    left = {file.relative_to(ROOT).parts[0] for file in sources if not copied & {file, *file.parents}}
    for top in sorted(left):
        raise BundlingError(
            f"{dockerfile.relative_to(ROOT)} leaves out part of {top}, which the container imports: "
            f"add the line COPY {top} app/{top}."
        )


def packages(lock: Path, runtime: Runtime) -> Path:
    """Install the dependencies of a lock file for `runtime`, and return their folder.

    pyvips 3 comes as source only. Without pkgconfig, which we do not install, it builds as pure Python
    and finds libvips in pyvips-binary. A build against this machine's libvips would not run elsewhere.

    Raises BundlingError for such a build, and if pip or the compilation fails.
    """

    def fill(folder: Path) -> None:
        _run(
            [sys.executable, *_PIP, *_platform(runtime), "--requirement", str(lock), "--target", str(folder)],
            what=f"install {lock.parent.name}'s packages for {runtime.architecture} (is the network up?)",
        )
        if not all("Root-Is-Purelib: true" in one.read_text() for one in folder.glob("pyvips-*/WHEEL")):
            raise BundlingError(
                "pyvips was built against this machine's libvips: remove pkgconfig from .venv."
            )
        shutil.rmtree(folder / "bin", ignore_errors=True)
        _compile(folder, sorted(file.parent.name for file in folder.glob("*/__init__.py")), runtime)

    return _once(f"packages/{runtime.target}-{_digest([lock, *_RECIPE], runtime)[:16]}", fill)


def _copy(files: Iterable[Path], folder: Path) -> None:
    for file in files:
        copy = folder / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def _digest(files: Iterable[Path], made_for: object) -> str:
    digest = hashlib.sha256(f"{made_for}\0".encode())
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _platform(runtime: Runtime) -> list[str]:
    if runtime.target == "local":
        return []
    tags = [f"--platform={glibc}_{_MACHINES[runtime.architecture]}" for glibc in _GLIBC]
    return ["--implementation=cp", f"--python-version={runtime.python}", *tags]


def _compile(folder: Path, names: Sequence[str], runtime: Runtime) -> None:
    """Compile to bytecode; without it each cold start would compile its imports, as the disk is read-only."""
    if runtime.target == "local":
        command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash"]
        command += [str(folder / name) for name in names]
    else:
        command = ["node", str(_COMPILER), str(folder), runtime.python, *names]
    _run(command, what="compile Python to bytecode")


def _run(command: list[str], *, what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise BundlingError(f"Could not {what}: there is no {command[0]}.") from error
    if done.returncode:
        raise BundlingError(f"Could not {what}:\n{(done.stderr or done.stdout).strip()[-2000:]}")


def _once(name: str, fill: Callable[[Path], None]) -> Path:
    """Return `build/{name}`; if it does not exist, fill it first, atomically."""
    output = BUILD / name
    if not output.exists():
        output.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=output.parent, prefix=".making-"))
        try:
            fill(making)
            _make_readable(making)
            making.rename(output)
        except OSError:
            if not output.exists():
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return output


def _make_readable(folder: Path) -> None:
    """Set every mode to 0755 or 0644, whatever the umask of the checkout.

    The zip keeps modes, and Lambda runs the function as a user that does not own the files:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-function-zip.html
    """
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)


def main() -> None:
    """Fetch every function's packages for every architecture, so that synth for AWS needs no network."""
    for lock in sorted((ROOT / "lambda_src").glob("*/requirements.txt")):
        for architecture in ARCHITECTURES:
            packages(lock, Runtime.aws(architecture))


if __name__ == "__main__":
    try:
        main()
    except BundlingError as error:
        sys.exit(f"Error: {error}")
