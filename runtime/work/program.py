"""Work by a program in any language, run as a child process under the contract in docs/any-language.md."""

import json
import mimetypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from runtime.child_lines import lines
from runtime.deadline import DeadlineExceededError
from runtime.exits import REJECTED
from runtime.log_lines import log_line
from runtime.placement.placement import Estimate
from runtime.rejection import Reason, Rejected
from runtime.work.source import Source
from runtime.work.work import Progress, Results

INHERITED = ("PATH", "LANG", "TZ")
"""Environment variables that the program inherits: no credentials, and nothing that leads to any."""
MANIFEST = "manifest.json"
"""File with the manifest's facts as a JSON object; every other file is a result."""
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""Exit codes of a killed program; the second is how a shell reports it."""
LATE = "The program did not finish in time."
MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Program:
    """Work that is done by a program. Implements runtime.work.work.Work.

    Attributes:
        command: command line of the program.
        subject: what its sources are called in messages to people, such as "text".
        most_bytes: larger sources are rejected.
        memory_mb: memory that it needs.
        cpu_seconds: function that returns the CPU seconds for a source, given its size in bytes.
    """

    command: Sequence[str]
    subject: str
    most_bytes: int
    memory_mb: float
    cpu_seconds: Callable[[int], float]

    def recognises(self, head: bytes) -> bool:  # noqa: ARG002 - required by Work
        """Accept every source; the program rejects those that it cannot process."""
        return True

    def estimate(self, source: Source) -> Estimate:
        """Return the configured estimate, which depends only on the size of the source."""
        return Estimate(
            subject=f"{self.subject} of {source.size:,} bytes",
            memory_mb=self.memory_mb,
            disk_mb=3 * source.size / MB,
            cpu_seconds=self.cpu_seconds(source.size),
        )

    def run(
        self, source: Source, results: Results, *, folder: Path, deadline: float, progress: Progress
    ) -> Mapping[str, Any]:
        """Run the program on a source.

        Raises Rejected, DeadlineExceededError, MemoryError if the program was killed, CalledProcessError for
        other exit codes, SubprocessError if its manifest is not a JSON object, and what S3 raises.
        """
        given, made = folder / "source", folder / "results"
        source.download(given, self.most_bytes)
        made.mkdir()
        self._carry_out(given, made, deadline, progress)
        facts = _facts(made / MANIFEST)
        for file in sorted(made.rglob("*")):
            path = file.relative_to(made).as_posix()
            if path != MANIFEST and file.is_file() and not file.is_symlink():
                results.put_file(path, file, mimetypes.guess_type(path)[0] or "application/octet-stream")
        return facts

    def _carry_out(self, given: Path, made: Path, deadline: float, progress: Progress) -> None:
        rejection = ""
        with self._started(given, made, deadline) as process:
            said = cast("IO[bytes]", process.stdout)
            for line in lines(said, deadline, LATE, lambda: process.poll() is not None):
                text = line.decode(errors="replace").rstrip("\n")
                word, _, rest = text.partition(" ")
                if word == "progress" and (share := _share(rest)) is not None:
                    progress(share)
                elif word == "rejected":
                    rejection = rest
                else:
                    log_line(text)  # the program's own output
            try:
                code = process.wait(max(0, min(deadline - time.monotonic(), threading.TIMEOUT_MAX)))
            except subprocess.TimeoutExpired as error:
                raise DeadlineExceededError(LATE) from error
        if code in KILLED:
            raise MemoryError("The program was killed, as happens when memory runs out.")
        if code == REJECTED and rejection:
            reason, _, message = rejection.partition(" ")
            if reason in {*Reason}:
                raise Rejected(Reason(reason), message)
            log_line(f"The contract has no reason {reason!r}: {message}")
        if code:
            raise subprocess.CalledProcessError(code, self.command)

    @contextmanager
    def _started(self, given: Path, made: Path, deadline: float) -> Iterator["subprocess.Popen[bytes]"]:
        """Start the program in a process group of its own, and kill the group when the block ends."""
        told = {"SOURCE": str(given), "RESULTS": str(made), "TMPDIR": str(given.parent)}
        left = min(deadline - time.monotonic(), sys.maxsize)
        process = subprocess.Popen(
            self.command,
            cwd=given.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={name: os.environ[name] for name in INHERITED if name in os.environ}
            | {**told, "SECONDS_LEFT": str(int(left))},
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            cast("IO[bytes]", process.stdout).close()
            process.wait()


def _share(text: str) -> float | None:
    """Parse the share of work done; None if it is not a number from 0 to 1."""
    try:
        share = float(text)
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _facts(manifest: Path) -> dict[str, Any]:
    if not manifest.is_file():
        return {}
    try:
        return {**json.loads(manifest.read_bytes())}
    except (ValueError, TypeError, RecursionError) as error:
        raise subprocess.SubprocessError(f"The program's {MANIFEST} is not a JSON object: {error}") from error
