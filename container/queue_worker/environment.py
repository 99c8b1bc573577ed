"""What the service is told by its stack."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class QueueWorkerEnvironment(Environment):
    """Which queue it reads, where its results go, and how large its tasks are.

    Attributes:
        queue_url: of the queue that it reads.
        hidden_seconds: the queue's visibility timeout, which it extends while it works.
        tiles_url: of the distribution in front of the output bucket.
        distribution: the id of the same.
        job_seconds: that one job may take.
    """

    queue_url: str
    hidden_seconds: int
    output_bucket: str
    tiles_url: str
    distribution: str
    metrics_namespace: str
    vcpus: float
    memory_mb: int
    disk_gib: int
    job_seconds: int
