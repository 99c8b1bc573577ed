"""The CPU that StreamPattern's function spends per record, compared with decoding and parsing alone."""

import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rich.progress import track

from bench.measure import ROOT, ratio, run, save, sized
from tests.support.view_table import create_view_table
from tools.local_aws.aws import LocalAws, local_aws

ROUNDS = sized(9, 1)
BATCHES, SIZE = sized((10, 2000), (1, 200))
"""Batches, and records per batch: the event source mapping's maximum (stacks/stream_pattern/views.py)."""
PEER = Path("bench") / "peers" / "views.py"
TOLD = {"SET_ASIDE_BUCKET": "aside", "POWERTOOLS_METRICS_NAMESPACE": "bench"}


def seconds(what: str, aws: LocalAws, tree: Path = ROOT) -> float:
    """Return a process's CPU seconds for the batches, with a new table; the local AWS's are not included."""
    dynamodb = aws.client("dynamodb")
    table = f"views-{len(dynamodb.list_tables()['TableNames'])}"
    create_view_table(dynamodb, table)
    command: list[str | Path] = [sys.executable, tree / PEER, what, str(BATCHES), str(SIZE)]
    told = run(command, tree=tree, TABLE=table, **TOLD, **aws.environment)
    return float(told.printed.splitlines()[-1])


def started(stack: ExitStack) -> LocalAws:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    return stack.enter_context(local_aws(Path(folder) / "log"))


def work(tree: Path, stack: ExitStack) -> dict[str, Callable[[], float]]:
    """Return, by name, functions that measure the CPU that a checkout's function spends on batches."""
    aws = started(stack)
    return {"the function": lambda: seconds("count", aws, tree)}


def main() -> None:
    """Measure parsing alone and the whole function in turn, and store the result."""
    names = {"parse": "decoded and parsed", "count": "by the function, with its writes"}
    found: dict[str, list[float]] = {what: [] for what in names}
    with ExitStack() as stack:
        aws = started(stack)
        for _ in track(range(ROUNDS), description="rounds"):
            for what in names:
                found[what].append(seconds(what, aws))
    rows = [
        [
            names[what],
            f"{statistics.median(cpu) / BATCHES / SIZE * 1e6:.1f} µs",
            f"{ratio(cpu, found['parse']):.2f}x",
        ]
        for what, cpu in found.items()
    ]
    figures = {"of parsing": round(ratio(found["count"], found["parse"]), 3)}
    table = [["per record", "CPU", "relative to the first"], *rows]
    save("stream", {"rounds": ROUNDS, "figures": figures, "table": table})


if __name__ == "__main__":
    main()
