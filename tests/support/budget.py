"""Two options of `python3 dev.py test`: --budget prints a run's cost, --under-load adds two busy loops.

CPU time is counted in warm `cdk synth`s of an app with one bucket, measured at the end of the same run, so
that the budget means the same on every machine. Expensive tests are marked `slow`.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

BUDGET = 600
"""In one-bucket synths: 380 at first, 25 for tests that walk imports and files, 25 for tests of deploying
into accounts (preflight, changes of settings, removals, versions of images), 20 for videos, 10 for the
service as a function, 70 for the queue service, 40 for work in any language, the deploy role and ECS Exec, 10
for the backfill, 20 for the chooser's Regions, page and observations. Later work adds its own here.
"""
TOLERANCE = 1.25
"""CI fails beyond this many times the budget."""
SYNTHS, LOOPS = 5, 2
ONE_BUCKET = Path(__file__).with_name("one_bucket.py")
_SPIN = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    for _ in range(10**6): pass"
"""Takes its parent's pid as an argument: if the parent is already dead, getppid returns another one."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--budget", action="store_true", help="print the run's cost; on CI, fail if too high")
    parser.addoption("--under-load", action="store_true", help="run two busy loops beside the tests")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Budget(config), "budget-of-the-run")


class Budget:
    """The plugin for both options, in the process that starts pytest's workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._loops: list[subprocess.Popen[bytes]] = []

    def pytest_sessionstart(self) -> None:
        if self._config.getoption("--under-load"):
            spin = [sys.executable, "-c", _SPIN, str(os.getpid())]
            self._loops = [subprocess.Popen(spin) for _ in range(LOOPS)]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Measure the cost once the workers have ended, for the output's last line; on CI, fail if too high.

        A run that failed is not measured, nor is one with --under-load: CPU seconds then show how crowded the
        machine was.
        """
        if not self._config.getoption("--budget") or self._loops or session.exitstatus:
            return
        spent = cpu_seconds()
        unit = synth_seconds()
        self._config.stash[_LINE] = told(spent, unit)
        if os.environ.get("CI") and is_too_much(spent, unit):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if line := self._config.stash.get(_LINE, ""):
            terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        for loop in self._loops:
            loop.kill()
            loop.wait()


_LINE = pytest.StashKey[str]()


def told(spent: float, unit: float) -> str:
    """Return the last line of the output. spent, unit: CPU seconds of the run and of one synth."""
    line = (
        f"{spent:.0f} s of CPU: {spent / unit:.0f} one-bucket synths of {unit:.2f} s each, "
        f"{spent / unit / BUDGET:.0%} of the budget of {BUDGET}"
    )
    return f"{line}. Mark what is slow, or make it cheaper." if spent > unit * BUDGET else line


def is_too_much(spent: float, unit: float) -> bool:
    """Return whether the run cost so much that CI fails."""
    return spent > unit * BUDGET * TOLERANCE


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of all children that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def synth_seconds() -> float:
    """Return the CPU seconds of one warm `cdk synth` of a one-bucket app, without the CDK's validation."""
    with tempfile.TemporaryDirectory() as output:
        return statistics.median([one_synth(ONE_BUCKET, Path(output)) for _ in range(1 + SYNTHS)][1:])


def one_synth(app: Path, output: Path) -> float:
    """Return the CPU seconds of one `cdk synth`, run in the app's folder.

    output: folder of the cloud assembly. The first synth into a folder also stages assets and fills caches.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "CDK_VALIDATION": "false", "PYTHONDONTWRITEBYTECODE": ""}
    command = ["cdk", "synth", "--quiet", "--no-notices", "--app", f"{sys.executable} {app.name}"]
    command += ["--output", str(output)]
    before = cpu_seconds()
    subprocess.run(command, cwd=app.parent, env=environment, capture_output=True, check=True)
    return cpu_seconds() - before
