"""Environment variables for starting the worker's tasks."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class LaunchEnvironment(Environment):
    """Where and how tasks are started.

    Attributes:
        public_ip: whether tasks get a public IP address.
        task_seconds: the deadline of a task, which the task itself enforces.
        exec: whether ECS Exec may open a shell in a task.
    """

    cluster: str
    task_definition: str
    subnets: tuple[str, ...]
    security_group: str
    public_ip: bool
    task_seconds: int
    exec: bool = False
