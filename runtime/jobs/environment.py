"""What whoever starts the worker's tasks is told."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class LaunchEnvironment(Environment):
    """Where and how a task is started.

    Attributes:
        public_ip: whether the task gets a public IP address.
        task_seconds: the task's deadline, by its own clock.
        exec: whether ECS Exec may open a shell in it.
    """

    cluster: str
    task_definition: str
    subnets: tuple[str, ...]
    security_group: str
    public_ip: bool
    task_seconds: int
    exec: bool = False
