"""What is counted in LambdaPattern's namespace: by the function, for alarms and dashboards."""

from enum import StrEnum

NAMESPACE, SERVICE = "LambdaPattern", "renditions"
"""The namespace, and the dimension `service` of each metric."""


class Metric(StrEnum):
    """The name of a metric; its unit is Count."""

    IGNORED = "Ignored"
    DELETED = "Deleted"
    REJECTED = "Rejected"
    PUBLISHED = "Published"
    SUPERSEDED = "Superseded"
    FAILED = "Failed"
    """A message that comes again: runtime/sqs_batch.py."""
