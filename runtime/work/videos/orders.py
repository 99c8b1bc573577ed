"""The protocol on the child's stdin and stdout: JSON lines, and bytes from the parent in reply to READ."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from runtime.work.videos.containers import Kind
from runtime.work.videos.facts import VideoLimits


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a child process is asked to do.

    Attributes:
        file: path of the video; empty if the child requests its bytes by READ.
        size: size of the file in bytes.
        folder: where the rendition goes; empty if only the facts are wanted.
    """

    kind: Kind
    size: int
    limits: VideoLimits
    file: str = ""
    folder: str = ""
    threads: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return the order as JSON for the child."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Order":
        """Parse an order."""
        return cls(**{**told, "kind": Kind(told["kind"]), "limits": VideoLimits(**told["limits"])})


class Answer(StrEnum):
    """What the child writes: each line is a JSON object with one of these as its only key."""

    READ = "read"
    """[offset, length]. The reply: the data's length, big-endian in LENGTH_BYTES bytes, then the data."""
    PROGRESS = "progress"
    """The share that is done."""
    DONE = "done"
    """The result."""
    REJECTED = "rejected"
    """[reason, message] of the rejection."""
    NO_MEMORY = "no-memory"
    """The message of a memory error."""
    NO_DISK = "no-disk"
    """The message of an error in reading or writing a file."""


LENGTH_BYTES = 8
