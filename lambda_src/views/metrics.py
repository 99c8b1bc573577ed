"""What StreamPattern's function counts, for alarms and dashboards; the namespace is its stack's name."""

from enum import StrEnum

SERVICE = "views"
"""The dimension `service` of each metric."""


class Metric(StrEnum):
    """The name of a metric, whose unit is Count. Each record that is through is counted by one of the first
    five.
    """

    VIEWS = "Views"
    """Records that were counted as a view."""
    OTHER_REQUESTS = "OtherRequests"
    """Well-formed records of requests that are no views: tiles, errors, other paths."""
    REPEATED = "Repeated"
    """Records with the request id of another one in the same batch."""
    MALFORMED = "Malformed"
    """Records that were set aside with their reason."""
    ALREADY_COUNTED = "AlreadyCounted"
    """Records of a batch that was delivered again after it had been counted."""
    FROM_CACHE = "FromCache"
    """Views that CloudFront answered without asking its origin; they are among VIEWS too."""
    NOT_COUNTED = "NotCounted"
    """Records that come again, since they could not be counted now."""
