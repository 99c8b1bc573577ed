"""The parent's side of child.py: starts it and answers its requests, but decodes nothing itself."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any, cast

from runtime.child_lines import lines
from runtime.rejection import Reason, Rejected
from runtime.work.videos import child
from runtime.work.videos.containers import Read
from runtime.work.videos.orders import LENGTH_BYTES, Answer, Order
from runtime.work.work import Progress

_MODULE = child.__name__
_TOLD = ("PATH", "LD_LIBRARY_PATH", "LANG", "MALLOC_ARENA_MAX", "PYTHONDONTWRITEBYTECODE")
"""Variables that the child inherits: no credentials, and nothing that leads to any."""
_CRASHES = {-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE, -signal.SIGABRT, -signal.SIGXCPU}


def _nothing(_offset: int, _length: int) -> bytes:
    return b""


def carry_out(
    order: Order, *, read: Read = _nothing, deadline: float, progress: Progress = lambda _share: None
) -> Mapping[str, Any]:
    """Return the child's result for an order. read: reads the source, for an order without a file.

    Raises Rejected, DeadlineExceededError, MemoryError, OSError, what `read` and `progress` raise, and
    RuntimeError if the child ends without a result and the cause is unknown. In each case the child has
    ended.
    """
    path = os.pathsep.join(part for part in sys.path if part)
    process = subprocess.Popen(
        [sys.executable, "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={name: os.environ[name] for name in _TOLD if name in os.environ} | {"PYTHONPATH": path},
    )
    told, said = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    try:
        _tell(told, json.dumps(order.as_json()).encode() + b"\n")
        for line in lines(said, deadline, "The video was not finished in time."):
            if not line.endswith(b"\n"):
                break  # it died in the middle of a line
            ((what, value),) = json.loads(line).items()
            match what:
                case Answer.READ:
                    data = read(*value)
                    _tell(told, len(data).to_bytes(LENGTH_BYTES, "big") + data)
                case Answer.PROGRESS:
                    progress(value)
                case Answer.DONE:
                    return dict(value)
                case Answer.REJECTED:
                    raise Rejected(Reason(value[0]), value[1])
                case Answer.NO_MEMORY:
                    raise MemoryError(f"FFmpeg had no memory left: {value}")
                case Answer.NO_DISK:
                    raise OSError(f"FFmpeg could not read or write: {value}")
        raise _ended(process.wait())
    finally:
        process.kill()
        process.communicate()


def _tell(child_hears: IO[bytes], data: bytes) -> None:
    """Write to the child; ignore a broken pipe, since the child's exit code says why it died."""
    with suppress(BrokenPipeError):
        child_hears.write(data)
        child_hears.flush()


def _ended(code: int) -> Exception:
    """Return the error for a child that ended without a result."""
    if code == -signal.SIGKILL:
        return MemoryError("The FFmpeg process was killed, as happens when memory runs out.")
    if code in _CRASHES:
        message = "The video makes the decoder fail: it is damaged. Save it again and upload the new file."
        return Rejected(Reason.DAMAGED, message)
    return RuntimeError(f"The FFmpeg process ended with {code}; its log says why.")
