"""`python3 -m runtime.work.videos.child`: the process that runs FFmpeg on an untrusted file.

It has limits on memory, file size and, while probing, CPU time. It ends with its parent, and communicates
as orders.py defines.
"""

import io
import json
import os
import resource
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from runtime.placement.placement import MB
from runtime.rejection import Rejected
from runtime.work.videos.estimate import estimate
from runtime.work.videos.orders import LENGTH_BYTES, Answer, Order
from runtime.work.videos.rendition import LARGEST_BYTES

PROBE_CPU_SECONDS = 60
"""Limit on CPU seconds for probing a few frames; FFmpeg gives up long before reaching it."""
PROBE_BYTES = 2 * 1024**3
"""Address space for probing, which libraries and thread stacks use as well."""
TIMES = 2
"""The limit on address space after probing is PROBE_BYTES plus this many times the estimated memory."""
_EVERY_SECONDS = 0.5


def main() -> None:
    """Carry out one order."""
    order = Order.from_json(json.loads(sys.stdin.buffer.readline()))
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_FSIZE, LARGEST_BYTES)
    _bound(resource.RLIMIT_CPU, PROBE_CPU_SECONDS)
    _bound(resource.RLIMIT_AS, PROBE_BYTES)
    try:
        _say(Answer.DONE, _carry_out(order))
    except Rejected as rejected:
        _say(Answer.REJECTED, [rejected.reason, rejected.message])
    except MemoryError as error:
        _say(Answer.NO_MEMORY, str(error))
    except OSError as error:
        _say(Answer.NO_DISK, str(error))


def _bound(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    resource.setrlimit(which, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _carry_out(order: Order) -> dict[str, Any]:
    from runtime.work.videos.making import make  # FFmpeg is loaded only here, after the limits are set
    from runtime.work.videos.reading import facts_of, opened

    source = order.file or _Asked(order.size)
    with opened(source, order.kind) as container:
        facts = facts_of(container, order.limits)
    if not order.folder:
        return asdict(facts)
    resource.setrlimit(resource.RLIMIT_CPU, (hard := resource.getrlimit(resource.RLIMIT_CPU)[1], hard))
    memory_mb = estimate(facts, order.size, order.limits).memory_mb
    _bound(resource.RLIMIT_AS, PROBE_BYTES + TIMES * round(memory_mb * MB))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with opened(source, order.kind) as container:
        made = make(
            container,
            facts,
            limits=order.limits,
            folder=Path(order.folder),
            threads=order.threads,
            told=_Progress(),
        )
    return {**made, "facts": asdict(facts)}


def _say(what: Answer, value: object) -> None:
    sys.stdout.buffer.write(json.dumps({what: value}).encode() + b"\n")
    sys.stdout.buffer.flush()


def _end_with_parent() -> None:
    """Exit when the parent does: its side of the pipe closes, however it exits."""
    while os.read(sys.stdin.fileno(), 1):  # unlike stdin.read, holds no lock when this process ends
        pass
    os._exit(1)


class _Progress:
    """Reports the share that is done, at most once every half second."""

    def __init__(self) -> None:
        self._told = 0.0

    def __call__(self, share: float) -> None:
        if time.monotonic() - self._told >= _EVERY_SECONDS:
            self._told = time.monotonic()
            _say(Answer.PROGRESS, share)


class _Asked(io.RawIOBase):
    """A file whose bytes the child requests from its parent, part by part."""

    def __init__(self, size: int) -> None:
        self._size, self._at = size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, length: int = -1) -> bytes:
        _say(Answer.READ, [self._at, self._size - self._at if length < 0 else length])
        answer: BinaryIO = sys.stdin.buffer
        data = answer.read(int.from_bytes(answer.read(LENGTH_BYTES), "big"))
        self._at += len(data)
        return data


if __name__ == "__main__":
    main()
