"""What the dispatcher is told by its stack."""

from dataclasses import dataclass

from runtime.work.environment import WorkEnvironment


@dataclass(frozen=True, kw_only=True)
class DispatcherEnvironment(WorkEnvironment):
    """How to start a task, and what the function may do itself.

    Attributes:
        public_ip: whether tasks get one.
        task_seconds: a task's own deadline.
        lambda_seconds: work estimated longer goes to a task.
        spot: whether first attempts ask for FARGATE_SPOT.
    """

    cluster: str
    task_definition: str
    subnets: tuple[str, ...]
    security_group: str
    public_ip: bool
    task_seconds: int
    lambda_seconds: int
    lambda_disk_mb: int
    spot: bool
