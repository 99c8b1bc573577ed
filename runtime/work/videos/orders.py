"""What the child process is told and what it answers: lines of JSON through its standard input and output."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from runtime.work.videos.containers import Kind
from runtime.work.videos.facts import VideoLimits


@dataclass(frozen=True, kw_only=True)
class Order:
    """What one child process is asked to do.

    Attributes:
        file: the path of the video; empty if the child requests its bytes by READ.
        size: of the file, in bytes.
        folder: where the rendition goes; empty if only the facts are wanted.
    """

    kind: Kind
    size: int
    limits: VideoLimits
    file: str = ""
    folder: str = ""
    threads: int = 1

    def as_json(self) -> dict[str, Any]:
        """For the process that does it."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Order":
        """Return the same order again."""
        return cls(**{**told, "kind": Kind(told["kind"]), "limits": VideoLimits(**told["limits"])})


class Answer(StrEnum):
    """The one key of each line that the child writes."""

    READ = "read"
    """[offset, length]. The reply is a big-endian count of LENGTH_BYTES, and then so many bytes."""
    PROGRESS = "progress"
    """The share that is done."""
    DONE = "done"
    """The result."""
    REJECTED = "rejected"
    """[reason, message]."""
    NO_MEMORY = "no-memory"
    """What failed."""
    NO_DISK = "no-disk"
    """The same, where a file could not be read or written."""


LENGTH_BYTES = 8
