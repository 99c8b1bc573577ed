"""Metrics of StreamPattern's function, for alarms and dashboards; the namespace is its stack's name."""

from enum import StrEnum

SERVICE = "views"
"""The dimension `service` of each metric."""


class Metric(StrEnum):
    """The name of a metric; the unit is Count. Each processed record is counted by one of the first five."""

    VIEWS = "Views"
    """Records counted as a view."""
    OTHER_REQUESTS = "OtherRequests"
    """Well-formed records of requests that are not views: parts of images, errors, other paths."""
    REPEATED = "Repeated"
    """Records with the same request id as an earlier one in the batch."""
    MALFORMED = "Malformed"
    """Records set aside with the reason."""
    ALREADY_COUNTED = "AlreadyCounted"
    """Records delivered again after they were counted."""
    FROM_CACHE = "FromCache"
    """Views answered from CloudFront's cache; included in VIEWS."""
    NOT_COUNTED = "NotCounted"
    """Records that will be retried because they could not be counted now."""
