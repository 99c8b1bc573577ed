"""What the tracker is told by its stack."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class TrackerEnvironment(Environment):
    """Where jobs and tasks are, and whom it calls.

    Attributes:
        distribution: the id of the one in front of the results.
        dispatcher_queue: its URL.
    """

    job_table: str
    cluster: str
    distribution: str
    dispatcher_queue: str
