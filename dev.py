#!/usr/bin/env python3
"""Sets up the project and runs its commands; needs only Python 3.11 or newer. `python3 dev.py` lists them."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "This needs Python 3.11 or newer, and this is %s. Run it with a newer one." % sys.version.split()[0]
    )

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.set_up import (
    PYTHON,
    ROOT,
    SITE,
    SetupError,
    become,
    run,
    set_up_local_aws,
    set_up_peers,
    set_up_site,
    set_up_tools,
)

LOCKS = (
    "requirements-build.txt",
    "requirements.txt",
    "lambda_src/backfill/requirements.txt",
    "lambda_src/renditions/requirements.txt",
    "lambda_src/dispatcher/requirements.txt",
    "lambda_src/dispatcher_videos/requirements.txt",
    "lambda_src/iiif/requirements.txt",
    "lambda_src/tracker/requirements.txt",
    "lambda_src/views/requirements.txt",
    "container/queue_worker/requirements.txt",
    "container/service/requirements.txt",
    "container/worker/requirements.txt",
    "container/worker_videos/requirements.txt",
    "tools/local_aws/requirements.txt",
    "tools/site/requirements.txt",
    "bench/requirements.txt",
    "bench/thumbor.txt",
)
ALL_TESTS = ("--numprocesses=2", "--dist=loadscope", "--no-loadscope-reorder", "--budget", "-m", "not slow")
"""pytest's arguments for every test that is not slow.

Tests that deploy run in parallel with the others (tests/conftest.py); --budget prints the CPU time that the
run took (tests/support/budget.py).
"""
CLOCKLESS = (
    "tests/synth",
    "tests/unit/chooser",
    "tests/unit/lambda_src/backfill",
    "tests/unit/lambda_src/hybrid",
    "tests/unit/lambda_src/renditions",
    "tests/unit/lambda_src/views",
    "tests/unit/runtime/imaging",
    "tests/unit/runtime/jobs",
    "tests/unit/runtime/placement",
    "tests/unit/stacks",
    "tests/unit/tools/test_copying.py",
)
"""Tests of pure code or with a fake clock: a busy machine cannot make them fail."""
CHECKS = (
    ("ruff", "format", "--check"),
    ("ruff", "check"),
    ("mypy",),
    ("cdk", "synth", "--quiet"),
    # CDK itself causes W3005, a DependsOn that a Ref implies.
    ("cfn-lint", "--ignore-checks", "W3005", "--template", "cdk.out/*.template.json"),
)
Run = Callable[[Sequence[str]], int]
"""Runs a command with its caller's arguments; returns its exit code."""


@dataclass(frozen=True)
class Command:
    """A row in the list of commands. local_aws: whether it needs MiniStack or the image viewer."""

    help: str
    run: Run
    local_aws: bool = False


def program(*command: str, default: Sequence[str] = ()) -> Run:
    """Return a command that runs a program of the virtual environment.

    default: its arguments if the caller gives none.
    """
    return lambda arguments: become(*command, *(arguments or default))


def module(name: str, *, from_here: bool = False) -> Run:
    """Return a command that runs a module of tools.commands.

    from_here: whether paths in its arguments are relative to the caller's working directory.
    """
    place = ("--from", str(Path.cwd())) if from_here else ()
    return lambda arguments: become(PYTHON, "-m", f"tools.commands.{name}", *place, *arguments)


def test(arguments: Sequence[str]) -> int:
    """Run the tests that are not slow, on two workers, or those that the arguments select.

    With --under-load, two busy loops run beside them, and CLOCKLESS is left out too unless arguments
    select tests. Paths, -k and -m select tests; other options, such as -x and -n 4, do not.
    """
    selects = any(one in ("-k", "-m") or (ROOT / one.partition("::")[0]).exists() for one in arguments)
    without = [f"--ignore={folder}" for folder in CLOCKLESS] if "--under-load" in arguments else []
    every = () if selects else (*ALL_TESTS, *without)
    become(PYTHON, "-m", "pytest", "-p", "tests.support.budget", *every, *arguments)


def bench(arguments: Sequence[str]) -> int:
    """Run a benchmark or all of them; for --help, the programs that they compare with are not set up."""
    if any(not one.startswith("-") for one in arguments):
        set_up_peers()
    become(PYTHON, "-m", "bench", *arguments)


def check(_: Sequence[str]) -> int:
    """Check formatting and types, lint the code and the synthesised templates; stop at the first failure."""
    for command in CHECKS:
        if code := run(*command):
            return code
    return 0


def figures(_: Sequence[str]) -> int:
    """Regenerate the figures in README and docs. CI fails if any of them is out of date.

    Tables of measurements are formatted from stored results; nothing is measured.
    """
    modules = ("tools.commands.figures", "bench.tables")
    return next((code for one in modules if (code := run("python", "-m", one))), 0)


def docs(_: Sequence[str]) -> int:
    """Build the docs site; warnings, and dead links between its pages, are errors."""
    set_up_site()
    code = run(
        SITE / "bin" / "sphinx-build",
        "-q",
        "-n",
        "-W",
        "--keep-going",
        "-c",
        "tools/site",
        "docs",
        "build/site",
    )
    if not code:
        print("Built build/site. To view it: python3 -m http.server --directory build/site --bind 127.0.0.1")
    return code


def lock(_: Sequence[str]) -> int:
    """Upgrade the locked versions within the limits of the *.in files.

    Functions and containers get the versions that requirements.txt pins for the tests.
    """
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
        within = ("-c", "requirements.txt") if file.startswith(("lambda_src/", "container/")) else ()
        if code := run(
            "uv", "pip", "compile", source, "-o", file, "--python-version=3.11", *options, *within
        ):
            return code
    return 0


COMMANDS = {
    "demo": Command(
        "deploy into a local AWS, upload photos, show the results (--keep: leave it running)",
        module("demo"),
        local_aws=True,
    ),
    "service": Command(
        "serve a folder of images over the IIIF Image API, with a gallery page: --folder PHOTOS",
        module("service", from_here=True),
        local_aws=True,
    ),
    "jobs": Command(
        "the jobs of HybridPattern: state, reason, progress; show ID, logs ID, retry ID (--target local|aws)",
        module("jobs"),
    ),
    "views": Command(
        "the views that StreamPattern counted: put, top, redrive (--target local|aws)", module("views")
    ),
    "backfill": Command(
        "process objects that a bucket already had: --pattern P, --prefix X, --plan N (--target local|aws)",
        module("backfill", from_here=True),
    ),
    "pyramid": Command(
        "turn an image into zoomable tiles: FILE OUT", module("pyramid", from_here=True), local_aws=True
    ),
    "place": Command(
        "say where on AWS a scan would be processed, and why: FILE", module("place", from_here=True)
    ),
    "test": Command(
        "run every test except the slow ones (--under-load); arguments go to pytest", test, local_aws=True
    ),
    "copy": Command(
        "copy one pattern, with its tests, into a folder: PATTERN FOLDER, --name, --with-local-aws",
        module("copy", from_here=True),
    ),
    "preflight": Command(
        "find what in an AWS account would fail a deploy, and what to do; read-only", module("preflight")
    ),
    "e2e": Command(
        "deploy everything, use it, destroy it: --target local|aws, --plan", module("e2e"), local_aws=True
    ),
    "compare": Command(
        "the image service as a function and as a service, given the same requests: --target local|aws",
        module("compare"),
        local_aws=True,
    ),
    "pages": Command(
        "run what README and docs show, in a copy of this checkout, on a local AWS; --benches",
        module("docs_check"),
        local_aws=True,
    ),
    "synth": Command(
        "write the CloudFormation templates to cdk.out", program("cdk", "synth", default=("--quiet",))
    ),
    "check": Command("ruff, mypy, and cfn-lint on the templates", check),
    "cdk": Command("the CDK CLI: python3 dev.py cdk deploy LambdaPattern", program("cdk")),
    "bench": Command(
        "measure something for docs/benchmarks.md: NAME, --smallest, --against REV", bench, local_aws=True
    ),
    "docs": Command("build docs/ as a site in build/site and check its links", docs),
    "figures": Command("regenerate the figures that code computes for README and docs", figures),
    "lock": Command("upgrade the lock files from *.in, with hashes", lock),
}


def main(name: str, arguments: Sequence[str]) -> int:
    """Set up what the command needs, run it, and return its exit code."""
    command = COMMANDS[name]
    set_up_tools()
    if command.local_aws:  # which includes the image viewer
        set_up_local_aws()
    return command.run(arguments)


def usage() -> str:
    """Return the list of commands."""
    lines = (f"  {name:<11}{command.help}" for name, command in COMMANDS.items())
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
