"""What the service counts: each message is a line in CloudWatch's embedded metric format.

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
    """The name of a metric; its unit is Count, but for Latency."""

    DONE = "Done"
    REJECTED = "Rejected"
    IGNORED = "Ignored"
    DELETED = "Deleted"
    SUPERSEDED = "Superseded"
    AGAIN = "Again"
    """Transient: the message comes again."""
    FAILED = "Failed"
    """Anything else; the message comes again until it is a dead letter."""
    GIVEN_BACK = "GivenBack"
    """The task was told to stop and its job did not finish in time: another begins it anew."""
    NOT_BEGUN = "NotBegun"
    """The same before the job had begun: another takes the message."""
    NOT_INVALIDATED = "NotInvalidated"
    LATENCY = "Latency"
    """Of a message, in milliseconds."""


def line(namespace: str, metric: Metric, facts: Mapping[str, Any], milliseconds: float | None = None) -> str:
    """One JSON object: the metric counted once, how long it took, and the facts for whoever reads the log."""
    values: dict[str, float] = {metric: 1}
    units = [{"Name": metric, "Unit": "Count"}]
    if milliseconds is not None:
        values[Metric.LATENCY] = round(milliseconds, 1)
        units.append({"Name": Metric.LATENCY, "Unit": "Milliseconds"})
    directive = {"Namespace": namespace, "Dimensions": [["service"]], "Metrics": units}
    emf = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": emf, "service": SERVICE, "message": metric, **values, **facts})
