"""Metrics of the service: one line per event in CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

SERVICE = "queue-worker"
"""The dimension `service` of each metric."""


class Metric(StrEnum):
    """The name of a metric; the unit is Count except for Latency."""

    DONE = "Done"
    REJECTED = "Rejected"
    IGNORED = "Ignored"
    DELETED = "Deleted"
    SUPERSEDED = "Superseded"
    AGAIN = "Again"
    """Transient errors, including those of polls and deletes. Messages are dead-lettered after 5 receives."""
    FAILED = "Failed"
    """Other errors, including those of polls and deletes. Messages are retried in the same way."""
    GIVEN_BACK = "GivenBack"
    """The task was told to stop and its job did not finish in time; another task starts it again."""
    NOT_BEGUN = "NotBegun"
    """As GIVEN_BACK, but before the job began."""
    NOT_INVALIDATED = "NotInvalidated"
    LATENCY = "Latency"
    """Time to process a message, in milliseconds."""


def line(namespace: str, metric: Metric, facts: Mapping[str, Any], milliseconds: float | None = None) -> str:
    """Return one JSON object: the metric counted once, Latency if `milliseconds` is given, and facts."""
    values: dict[str, float] = {metric: 1}
    units = [{"Name": metric, "Unit": "Count"}]
    if milliseconds is not None:
        values[Metric.LATENCY] = round(milliseconds, 1)
        units.append({"Name": Metric.LATENCY, "Unit": "Milliseconds"})
    directive = {"Namespace": namespace, "Dimensions": [["service"]], "Metrics": units}
    emf = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": emf, "service": SERVICE, "message": metric, **values, **facts})
