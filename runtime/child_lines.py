"""What a child process writes, line by line, until a deadline."""

import os
import select
import time
from collections.abc import Iterator
from typing import IO

from runtime.deadline import DeadlineExceededError

PATIENCE = 3600.0
"""The longest wait in seconds before the deadline is checked again."""


def lines(output: IO[bytes], deadline: float, late: str) -> Iterator[bytes]:
    """Until it closes its output; what follows the last newline is left out.

    deadline: of `time.monotonic()`. Raises DeadlineExceededError, which says `late`.
    """
    rest = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceededError(late)
        if not select.select([output], [], [], min(left, PATIENCE))[0]:
            continue
        data = os.read(output.fileno(), 64 * 1024)
        if not data:
            return
        *whole, rest = (rest + data).split(b"\n")
        yield from whole
