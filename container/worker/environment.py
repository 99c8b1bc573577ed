"""What the worker is told by its stack; job and attempt come with each RunTask (runtime/jobs/tasks.py)."""

from dataclasses import dataclass

from runtime.work.environment import WorkEnvironment


@dataclass(frozen=True, kw_only=True)
class WorkerEnvironment(WorkEnvironment):
    """Where jobs and results are. task_seconds: its own deadline."""

    task_seconds: int
