"""What whoever starts the worker's tasks is told."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class LaunchEnvironment(Environment):
    """Where and as what a task is started.

    Attributes:
        public_ip: whether it gets one.
        task_seconds: its own deadline.
        exec: whether ECS Exec may open a shell in it.
    """

    cluster: str
    task_definition: str
    subnets: tuple[str, ...]
    security_group: str
    public_ip: bool
    task_seconds: int
    exec: bool = False
