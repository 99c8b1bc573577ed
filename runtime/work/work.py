"""The interface between a job and its work: code that runs a job uses every kind of work through it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from runtime.placement.placement import Estimate
from runtime.results import Output, version_prefix
from runtime.work.source import Source

Progress = Callable[[float], None]
"""Called from time to time with the share of the work that is done, 0 to 1. If it raises, the work ends."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """Stores the results of one job: immutable objects under the job's own prefix.

    Attributes:
        url: base URL of the distribution in front of the output.
    """

    output: Output
    job_id: str
    url: str

    @property
    def prefix(self) -> str:
        """Key prefix, with a slash at its end."""
        return version_prefix(self.job_id)

    @property
    def address(self) -> str:
        """URL of the prefix, without a slash at its end."""
        return f"{self.url}/{self.prefix}".rstrip("/")

    def put(self, path: str, data: bytes, media_type: str) -> None:
        """Store one object; `path` is below the prefix."""
        self.output.put_part(f"{self.prefix}{path}", data, media_type)

    def put_file(self, path: str, file: Path, media_type: str) -> None:
        """Store a file on disk, of up to 5 GiB, without reading it into memory."""
        with file.open("rb") as data:
            self.output.put_part(f"{self.prefix}{path}", data, media_type)


class Work(Protocol):
    """One kind of work: from a source version to results that are published atomically."""

    def recognises(self, head: bytes) -> bool:
        """Return whether a source's first bytes are of this kind. head: 64 KiB, or all of a smaller file."""

    def estimate(self, source: Source) -> Estimate:
        """Estimate a job's resources from as little of its source as possible. Raises what `run` raises."""

    def run(
        self, source: Source, results: Results, *, folder: Path, deadline: float, progress: Progress
    ) -> Mapping[str, Any]:
        """Do the work, and return the manifest's facts.

        folder: empty, on disk, removed afterwards. deadline: a time as `time.monotonic()` returns it.

        Raises Rejected, and the EXPECTED errors of runtime/exits.py.
        """
