"""The CPU budget of a run of the tests, and the busy loops that `--under-load` starts beside it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.budget import (
    BUDGET,
    LOOPS,
    ONE_BUCKET,
    cpu_seconds,
    is_too_much,
    one_synth,
    synth_seconds,
    told,
)

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("part", "too_much"), [(0.5, False), (1.01, False), (1.24, False), (1.26, True)])
def test_the_budget_is_in_synths_and_ci_fails_a_quarter_beyond_it(part: float, too_much: bool) -> None:
    spent = part * BUDGET * 2.0
    assert is_too_much(spent, 2.0) is too_much
    assert f"{part * BUDGET:.0f} one-bucket synths of 2.00 s each, {part:.0%} of the budget" in told(
        spent, 2.0
    )
    assert ("make it cheaper" in told(spent, 2.0)) is (part > 1)


PLUGIN = "tests.support.budget"
WAITS = """
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with SIGINT ignored

def test_a():
    open("begun", "w").close()
    input()
"""


def test_the_cpu_of_a_process_that_has_ended_counts() -> None:
    before = cpu_seconds()
    subprocess.run([sys.executable, "-c", "sum(range(2 * 10**6))"], check=True)
    assert cpu_seconds() > before


def test_a_synth_of_one_bucket_takes_some_cpu() -> None:
    assert synth_seconds() > 0.2


@pytest.mark.slow
def test_the_app_takes_at_most_3_times_the_cpu_of_one_bucket(tmp_path: Path) -> None:
    """The CLI and importing aws_cdk take most of this CPU. The apps run in turn: a machine's speed varies."""
    ours, one = tmp_path / "ours", tmp_path / "one"
    pairs = [(one_synth(ROOT / "app.py", ours), one_synth(ONE_BUCKET, one)) for _ in range(6)][1:]
    least_of_ours, least_of_one = (min(found) for found in zip(*pairs, strict=True))
    assert least_of_ours <= 3 * least_of_one, pairs  # 2.2 on a quiet machine, 2.55 on a busy one


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux shows a process's children in /proc.")
@pytest.mark.parametrize("end", [None, signal.SIGINT, signal.SIGKILL])
def test_the_busy_loops_end_with_the_run_however_it_ends(tmp_path: Path, end: signal.Signals | None) -> None:
    (tmp_path / "test_a.py").write_text(WAITS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-s",
        "-p",
        PLUGIN,
        "--under-load",
        "test_a.py",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdin=subprocess.PIPE) as run:
        while not (tmp_path / "begun").exists():
            assert run.poll() is None
        loops = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        assert len(loops) == LOOPS
        if end:
            run.send_signal(end)
        # Needed after Ctrl-C too: a signal that comes just before input() is handled once input() returns.
        run.communicate(b"\n", timeout=300)
        assert (run.returncode == 0) is (end is None)
    patience = time.monotonic() + 300
    while any(map(is_running, loops)):
        assert time.monotonic() < patience
        time.sleep(0.05)  # they are another process's children, so poll


def is_running(pid: str) -> bool:
    """Return whether a process runs; a zombie counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
