"""The cost of counting a stream's records, by a function and by a task that aggregates for longer."""

from chooser.candidates import Candidate, total
from chooser.prices import month, price
from chooser.workload import SECONDS_A_MONTH, Workload

RATES = (1, 20, 500)
"""Records per second; one shard takes a thousand."""
ARCHITECTURE = "arm64"
WINDOW, MOST = 10, 2000
"""Window in seconds and maximum records of a batch (stacks/stream_pattern/views.py)."""
CPU_MS, BATCH_MS, WRITE_MS = 0.017, 4, 12
"""Milliseconds per record (docs/benchmarks.md), per batch and per transaction (both assumed)."""
VIEWS, COUNTERS = 1 / 3, 99
"""Assumed share of the records that are views; maximum counters per transaction (lambda_src/views)."""
NEW_IN_WINDOW, NEW_IN_MINUTE = 1 / 2, 1 / 6
"""Assumed share of views that are the first of their image within ten seconds, and within a minute."""


def by_function(load: Workload, rate: float) -> Workload:
    """Return the function's workload for one shard: each counter is written once per batch."""
    records = min(rate * WINDOW, MOST)
    return _counted(load, rate / records, records, records * VIEWS * NEW_IN_WINDOW)


def by_task(load: Workload, rate: float) -> Workload:
    """Return the workload of a task that writes and checkpoints once per minute."""
    records = rate * 60
    return _counted(load, 1 / 60, records, records * VIEWS * NEW_IN_MINUTE)


def _counted(load: Workload, per_second: float, records: float, counters: float) -> Workload:
    transactions = max(1, -(-counters // COUNTERS))
    work = CPU_MS * records
    milliseconds = BATCH_MS + work + WRITE_MS * transactions
    return load._replace(
        requests=per_second * SECONDS_A_MONTH,
        duration_ms={ARCHITECTURE: milliseconds},
        longest_seconds=milliseconds / 1000,
        cpu_share=(BATCH_MS + work) / milliseconds,
        table_writes=2 * (counters + transactions),
    )


def table(load: Workload) -> str:
    """Return a Markdown table with a row per rate. load: examples/views.toml."""
    rows = [
        "| records per second | the stream | by the function | by a task, a checkpoint per minute |",
        "|---:|---:|---:|---:|",
    ]
    for rate in RATES:
        puts = rate * SECONDS_A_MONTH / 1e6 * price("kinesis_million_puts").usd
        function = total(Candidate.LAMBDA, by_function(load, rate), ARCHITECTURE)
        task = total(Candidate.WORKER, by_task(load, rate), ARCHITECTURE)
        stream = month("kinesis_shard_hour") + puts
        rows.append(f"| {rate} | ${stream:,.2f} | ${function:,.2f} | ${task:,.2f} |")
    return "\n".join(rows)
