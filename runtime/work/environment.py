"""Environment variables about the work, for dispatcher and worker."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class WorkEnvironment(Environment):
    """Where jobs and results are stored.

    Attributes:
        tiles_url: base URL of the distribution in front of the output bucket.
    """

    job_table: str
    output_bucket: str
    tiles_url: str


@dataclass(frozen=True, kw_only=True)
class ScanEnvironment(Environment):
    """Limits beyond which scans are rejected."""

    max_pixels: int
    max_bytes: int


@dataclass(frozen=True, kw_only=True)
class VideoEnvironment(Environment):
    """Limits beyond which videos are rejected."""

    max_video_seconds: int
    max_video_bytes: int
