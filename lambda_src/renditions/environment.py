"""Environment variables of the function, set by its stack."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class RenditionsEnvironment(Environment):
    """Where results go, size limits, and whether Amazon Rekognition labels each photo."""

    output_bucket: str
    max_pixels: int
    max_bytes: int
    labels: bool
