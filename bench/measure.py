"""Runs peers in turn, each in its own process, and stores results and their tables."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.progress import track

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
T = TypeVar("T")
SMALLEST = os.environ.get("BENCH_SMALLEST") == "1"
"""Whether to run one small round, which shows that a benchmark still works; its figures are not stored."""
ONE_THREAD = {"VIPS_CONCURRENCY": "1", "UV_THREADPOOL_SIZE": "1", "MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One process: CPU seconds and peak resident MB as the kernel counts them, and its output."""

    cpu: float
    peak_mb: float
    printed: str


def sized(full: T, smallest: T) -> T:
    """Return a number of rounds or a size: `full`, or `smallest` with --smallest."""
    return smallest if SMALLEST else full


def run(command: Sequence[str | Path], *, tree: Path = ROOT, **environment: str) -> Run:
    """Run a command in a checkout until it ends. Raises RuntimeError with its output when it fails."""
    process = subprocess.Popen(
        command,
        cwd=tree,
        # Bytecode is cached, as in a function's package, whatever the caller's environment says.
        env={
            **os.environ,
            **ONE_THREAD,
            "PYTHONPATH": str(tree),
            "PYTHONDONTWRITEBYTECODE": "",
            **environment,
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process.stdout:
        printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {printed}")
    return Run(cpu=used.ru_utime + used.ru_stime, peak_mb=used.ru_maxrss / 1024, printed=printed)


def interleaved(commands: Mapping[str, Sequence[str | Path]], rounds: int) -> dict[str, list[Run]]:
    """Run every command once per round, so that other load on the machine affects all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in track(range(rounds), description="rounds"):
        for name, command in commands.items():
            runs[name].append(run(command))
    return runs


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the round-by-round ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def machine() -> str:
    """Return what the figures were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        )
        if Path("/proc/cpuinfo").exists()
        else iter([platform.processor()]),
        "unknown",
    )
    system = f"{platform.system()} {platform.machine()}"
    return f"{model}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def save(name: str, result: dict[str, Any]) -> None:
    """Store a result, and write its table into docs/benchmarks.md; with --smallest only print it."""
    if SMALLEST:
        print(table({"machine": machine(), **result}))
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"machine": machine(), **result}, indent=1) + "\n")
    PAGE.write_text(with_table(PAGE.read_text(), name))


def with_table(page: str, name: str) -> str:
    """Return the page with a stored result's table between its markers. Raises ValueError without them."""
    before, begin, rest = page.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not end:
        raise ValueError(f"{PAGE.name} needs the lines <!-- {name} --> and <!-- /{name} --> for the table.")
    return before + begin + table(json.loads((RESULTS / f"{name}.json").read_text())) + end + after


def table(result: Mapping[str, Any]) -> str:
    """Return a stored result as Markdown."""
    head, *rows = result["table"]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    body = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    return f"{body}\n\nMeasured on {result['machine']}.\n"
