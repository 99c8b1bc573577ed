"""The seam between jobs and what they do: dispatcher, worker and tracker know only this."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from runtime.placement.placement import Estimate
from runtime.results import Output, version_prefix
from runtime.work.source import Source

Progress = Callable[[float], None]
"""Told from time to time which share of the work is done, 0 to 1. What it raises ends the work."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """Where one job puts what it makes: immutable objects under the job's own prefix.

    Attributes:
        url: of the distribution in front of the output.
    """

    output: Output
    job_id: str
    url: str

    @property
    def prefix(self) -> str:
        """Of the keys, with a slash at its end."""
        return version_prefix(self.job_id)

    @property
    def address(self) -> str:
        """Under which all of them are served, without a slash at its end."""
        return f"{self.url}/{self.prefix}".rstrip("/")

    def put(self, path: str, data: bytes, media_type: str) -> None:
        """Store one; `path` is below the prefix."""
        self.output.put(f"{self.prefix}{path}", data, media_type)

    def put_file(self, path: str, file: Path, media_type: str) -> None:
        """Store a file on disk, of up to 5 GiB, without reading it into memory."""
        with file.open("rb") as data:
            self.output.put(f"{self.prefix}{path}", data, media_type)


class Work(Protocol):
    """One kind of work: from a version of a source to results that are published whole or not at all."""

    def recognises(self, head: bytes) -> bool:
        """Whether a source that begins with these bytes is of this kind. head: 64 KiB, or the whole file."""

    def estimate(self, source: Source) -> Estimate:
        """Estimate what it takes, from as little of the source as will do. Raises Rejected."""

    def run(
        self, source: Source, results: Results, *, folder: Path, deadline: float, progress: Progress
    ) -> Mapping[str, Any]:
        """Do it, and return what the manifest says of it.

        folder: empty, on disk, removed afterwards. deadline: of `time.monotonic()`.
        Raises Rejected, DeadlineExceededError, and what is worth another try.
        """
