"""Environment variables of the worker, set by its stack; job and attempt come with each RunTask."""

from dataclasses import dataclass

from runtime.work.environment import WorkEnvironment


@dataclass(frozen=True, kw_only=True)
class WorkerEnvironment(WorkEnvironment):
    """Job table, output and deadline of the worker. task_seconds: how long it may run."""

    task_seconds: int
