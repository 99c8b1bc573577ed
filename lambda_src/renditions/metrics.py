"""What LambdaPattern's function counts, for alarms and dashboards; the namespace is its stack's name."""

from enum import StrEnum

SERVICE = "renditions"
"""The dimension `service` of each metric."""


class Metric(StrEnum):
    """The name of a metric; its unit is Count unless it is said."""

    IGNORED = "Ignored"
    DELETED = "Deleted"
    REJECTED = "Rejected"
    PUBLISHED = "Published"
    SUPERSEDED = "Superseded"
    LATENCY = "Latency"
    """Of a message, in milliseconds: runtime/sqs_batch.py, as FAILED."""
    FAILED = "Failed"
    """A message that comes again: runtime/sqs_batch.py."""
