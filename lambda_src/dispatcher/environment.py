"""Environment variables of the dispatcher, set by its stack."""

from dataclasses import dataclass

from runtime.work.environment import WorkEnvironment


@dataclass(frozen=True, kw_only=True)
class DispatcherEnvironment(WorkEnvironment):
    """Limits of what the function runs itself, and how tasks are started.

    Attributes:
        lambda_seconds: work with a longer estimate goes to a task.
        spot: whether first attempts ask for FARGATE_SPOT.
    """

    lambda_seconds: int
    lambda_disk_mb: int
    spot: bool
