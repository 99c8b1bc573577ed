"""Environment variables of the service, set by its stack."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class QueueWorkerEnvironment(Environment):
    """Queue, output and task size of the service.

    Attributes:
        queue_url: URL of the queue that it reads.
        hidden_seconds: the queue's visibility timeout; the service extends that of the message it works on.
        tiles_url: base URL of the distribution in front of the output bucket.
        distribution: id of that distribution.
        job_seconds: longest time that one job may take.
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
