"""Lines that a child process writes, until a deadline."""

import os
import select
import time
from collections.abc import Callable, Iterator
from typing import IO

from runtime.deadline import DeadlineExceededError

PATIENCE = 0.5
"""Longest wait in seconds before checking whether the child has ended or the deadline has passed."""


def lines(
    output: IO[bytes], deadline: float, late: str, has_ended: Callable[[], bool] = lambda: False
) -> Iterator[bytes]:
    """Yield lines, with their newlines, until the child closes its output or ends.

    The last line may lack its newline. `has_ended` is needed as another process may keep the output open.
    deadline: a value of `time.monotonic()`. Raises DeadlineExceededError with the message `late`.
    """
    rest, over = b"", False
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceededError(late)
        if not select.select([output], [], [], 0 if over else min(left, PATIENCE))[0]:
            if over:
                break
            over = has_ended()  # if so, the output still in the pipe is read first
            continue
        data = os.read(output.fileno(), 64 * 1024)
        if not data:
            break
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest
