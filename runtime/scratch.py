"""A scratch folder, and removal of folders that dead processes left behind.

A killed invocation leaves its files in /tmp, and the next one in that execution environment has less space:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_NAME = "scratch-"
_held: list[int] = []
"""File descriptors; the kernel releases their locks when this process ends, however it ends."""


def scratch_folder(parent: Path | None = None) -> Path:
    """Create a folder in `parent` or the system's temporary folder, after removing folders of dead processes.

    Other processes that still run, as on a developer's machine, keep their folders.
    """
    parent = parent or Path(tempfile.gettempdir())
    with (parent / f"{_NAME}lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        for lock in parent.glob(f"{_NAME}*/lock"):
            if _is_free(lock):
                shutil.rmtree(lock.parent, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=_NAME, dir=parent))
        held = os.open(folder / "lock", os.O_CREAT | os.O_WRONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        _held.append(held)
        files = folder / "files"
        files.mkdir()
    return files


def _is_free(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
