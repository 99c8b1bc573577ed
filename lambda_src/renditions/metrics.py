"""Metrics of LambdaPattern's function, for alarms and dashboards; the namespace is its stack's name."""

from enum import StrEnum

SERVICE = "renditions"
"""The dimension `service` of each metric."""


class Metric(StrEnum):
    """The name of a metric; the unit is Count unless noted."""

    IGNORED = "Ignored"
    DELETED = "Deleted"
    REJECTED = "Rejected"
    PUBLISHED = "Published"
    SUPERSEDED = "Superseded"
    LATENCY = "Latency"
    """Milliseconds to process a message that did not fail; emitted by runtime/sqs_batch.py, like FAILED."""
    FAILED = "Failed"
    """Failed attempts to process a message."""
