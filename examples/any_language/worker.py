"""HybridPattern's worker with work that is not Python: `python -m examples.any_language.worker`."""

import sys
from pathlib import Path

from container.worker.run import main
from runtime.work.program import MB, Program

LINES = Program(
    command=["sh", str(Path(__file__).with_name("lines.sh"))],
    subject="text",
    most_bytes=90 * MB,  # more would take longer than the six hours that a task has
    memory_mb=50,
    # Up to 1 MB the function does the work; a larger text's estimate exceeds the function's limit of 120 s.
    cpu_seconds=lambda size: 240 * size / MB if size > MB else 1,
)

if __name__ == "__main__":
    sys.exit(main(lambda _variables: [LINES]))
