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
    """Time to process a message, in milliseconds; emitted by runtime/sqs_batch.py, as FAILED is."""
    FAILED = "Failed"
    """Failed attempts to process a message."""
