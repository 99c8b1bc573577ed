"""Environment variables of the tracker, set by its stack."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class TrackerEnvironment(Environment):
    """Table, cluster and queue that the tracker works with.

    Attributes:
        distribution: id of the distribution in front of the results.
        dispatcher_queue: URL of the dispatcher's queue.
    """

    job_table: str
    cluster: str
    distribution: str
    dispatcher_queue: str
