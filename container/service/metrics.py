"""Metrics as lines in CloudWatch's embedded metric format, without API calls.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SERVICE = "iiif"
"""The dimension `service` of each metric."""
BUCKETS_PER_DECADE, LEAST, MOST = 16, -1, 5
"""Latency buckets from 0.1 ms to 100 s, 16 per power of ten: 97 values (EMF allows 100)."""


class Metric(StrEnum):
    """The name of a metric; the unit is Count unless _UNITS has another."""

    REQUESTS = "Requests"
    REFUSED = "Refused"
    """Responses with a status of 4xx."""
    ERRORS = "Errors"
    """Responses with a status of 5xx other than 503."""
    BUSY = "Busy"
    """Responses with a status of 503."""
    LATENCY = "Latency"
    CACHE_BYTES = "CacheBytes"
    CACHE_HITS = "CacheHits"
    DECODES = "Decodes"
    WAITING = "Waiting"


_UNITS = {Metric.LATENCY: "Milliseconds", Metric.CACHE_BYTES: "Bytes"}
_COUNTED = (Metric.REQUESTS, Metric.REFUSED, Metric.ERRORS, Metric.BUSY)


@dataclass(kw_only=True)
class Metrics:
    """Counts since the last line, for one namespace. Latencies are accurate to within 8 %."""

    namespace: str
    counts: Counter[Metric] = field(default_factory=Counter)
    latencies: Counter[float] = field(default_factory=Counter)

    def answered(self, status: int, milliseconds: float) -> None:
        """Count one response and its latency."""
        self.counts[Metric.REQUESTS] += 1
        if status >= 400:
            failed = Metric.BUSY if status == 503 else Metric.ERRORS
            self.counts[Metric.REFUSED if status < 500 else failed] += 1
        power = round(math.log10(max(milliseconds, 10**LEAST)) * BUCKETS_PER_DECADE) / BUCKETS_PER_DECADE
        self.latencies[float(f"{10 ** min(power, MOST):.3g}")] += 1

    def line(self, gauges: Mapping[Metric, float]) -> str:
        """Return all counts and the gauges as one line of embedded metric format, and reset the counts."""
        values: dict[Metric, object] = {**{name: self.counts[name] for name in _COUNTED}, **gauges}
        if self.latencies:
            values[Metric.LATENCY] = {"Values": [*self.latencies], "Counts": [*self.latencies.values()]}
        metrics = [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in values]
        directive = {"Namespace": self.namespace, "Dimensions": [["service"]], "Metrics": metrics}
        self.counts.clear()
        self.latencies.clear()
        emf = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        return json.dumps({"_aws": emf, "service": SERVICE, **values})
