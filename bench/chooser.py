"""The cost of a chooser answer: CPU of a whole process, and of one change on the page."""

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.measure import ROOT, interleaved, ratio, run, save, sized
from chooser.keys import load
from chooser.serve import as_page
from chooser.workload import Workload

ROUNDS = sized(25, 1)
EMPTY = [sys.executable, "-c", "pass"]
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
ANSWER = [sys.executable, "-m", "chooser", "examples/thumbnails.toml"]


def work(tree: Path, _: ExitStack) -> dict[str, Callable[[], float]]:
    """Return, by name, functions that measure the CPU of one answer by a checkout's chooser."""
    return {"an answer": lambda: run(ANSWER, tree=tree).cpu}


def main() -> None:
    """Measure an empty Python process and an answer in turn, then a change on the page; store the result."""
    run(ANSWER)  # caches the bytecode of all imports
    runs = interleaved({"an empty Python": EMPTY, "an answer": ANSWER}, ROUNDS)
    cpu = {name: [one.cpu for one in found] for name, found in runs.items()}
    empty = cpu["an empty Python"]
    rows = [
        [name, f"{statistics.median(seconds) * 1000:.0f} ms", f"{ratio(seconds, empty):.2f}x"]
        for name, seconds in cpu.items()
    ]
    worst = max(statistics.median(_change(load(str(file))) for _ in range(ROUNDS)) for file in EXAMPLES)
    rows.append(["a change on the page, at most", f"{worst * 1000:.0f} ms", ""])
    figures = {
        "of an empty Python": round(ratio(cpu["an answer"], empty), 3),
        "a change, ms": round(worst * 1000, 1),
    }
    table = [["", "CPU", "relative to the first"], *rows]
    save("chooser", {"rounds": ROUNDS, "figures": figures, "table": table})


def _change(asked: Workload) -> float:
    """Return this process's CPU seconds for everything that the page shows of a workload."""
    started = time.process_time()
    as_page(asked)
    return time.process_time() - started


if __name__ == "__main__":
    main()
