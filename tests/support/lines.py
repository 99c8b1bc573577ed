"""A kind of work other than images: the lines of a text file, counted and numbered."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.deadline import DeadlineExceededError
from runtime.placement.placement import Estimate
from runtime.rejection import Reason, Rejected
from runtime.work.source import Source
from runtime.work.work import Progress, Results

MB = 1_000_000
FUNCTION_SECONDS = 120
"""The function's time limit in the placement rules; a file over 1 MB is estimated to take longer."""


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Implements runtime.work.work.Work: recognises every file, and rejects one with a NUL byte."""

    def recognises(self, head: bytes) -> bool:
        return True

    def estimate(self, source: Source) -> Estimate:
        _check(source.read(0, 1024))
        seconds = 2 * FUNCTION_SECONDS * source.size / MB if source.size > MB else 1
        subject = f"text of {source.size:,} bytes"
        return Estimate(subject=subject, memory_mb=50, disk_mb=source.size / MB, cpu_seconds=seconds)

    def run(
        self, source: Source, results: Results, *, folder: Path, deadline: float, progress: Progress
    ) -> Mapping[str, Any]:
        source.download(folder / "text", 100 * MB)
        lines = (folder / "text").read_bytes().splitlines(keepends=True)
        numbered = []
        for number, line in enumerate(lines, start=1):
            _check(line)
            if time.monotonic() > deadline:
                raise DeadlineExceededError(f"{number} of {len(lines)} lines were done in time.")
            numbered.append(b"%d %s" % (number, line))
            progress(number / len(lines))
        results.put("numbered.txt", b"".join(numbered), "text/plain")
        results.put("count.json", json.dumps(len(lines)).encode(), "application/json")
        return {"lines": len(lines)}


def _check(data: bytes) -> None:
    if b"\0" in data:
        raise Rejected(Reason.UNSUPPORTED_FORMAT, "The file holds a NUL byte: it is not text.")
