"""What an answer of the chooser costs, in CPU time of a whole process, against an empty Python."""

import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.measure import interleaved, ratio, run, save, sized

ROUNDS = sized(25, 1)
EMPTY = [sys.executable, "-c", "pass"]
ANSWER = [sys.executable, "-m", "chooser", "examples/thumbnails.toml"]


def work(tree: Path, _: ExitStack) -> dict[str, Callable[[], float]]:
    """One answer of a checkout."""
    return {"an answer": lambda: run(ANSWER, tree=tree).cpu}


def main() -> None:
    """Measures both in turn and keeps the result."""
    run(ANSWER)  # bytecode of all that is imported
    runs = interleaved({"an empty Python": EMPTY, "an answer": ANSWER}, ROUNDS)
    cpu = {name: [one.cpu for one in found] for name, found in runs.items()}
    empty = cpu["an empty Python"]
    rows = [
        [name, f"{statistics.median(seconds) * 1000:.0f} ms", f"{ratio(seconds, empty):.2f}x"]
        for name, seconds in cpu.items()
    ]
    figures = {"of an empty Python": round(ratio(cpu["an answer"], empty), 3)}
    table = [["", "CPU", "of the first"], *rows]
    save("chooser", {"rounds": ROUNDS, "figures": figures, "table": table})


if __name__ == "__main__":
    main()
