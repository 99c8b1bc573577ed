"""A line a minute in CloudWatch's embedded metric format, from which it makes metrics without an API call.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import math
import time
from collections import Counter
from dataclasses import dataclass, field

NAMESPACE = "FargatePattern"
A_DECADE, LEAST, MOST = 16, -1, 5
"""Latencies are kept by sixteenths of a power of ten, 0.1 ms to 100 s: 97 values, and an array holds 100."""
_UNITS = {"Latency": "Milliseconds", "CacheBytes": "Bytes"}


@dataclass(kw_only=True)
class Metrics:
    """Counts since the last line. A latency is kept to within 7.5 %."""

    counts: Counter[str] = field(default_factory=Counter)
    latencies: Counter[float] = field(default_factory=Counter)

    def answered(self, status: int, milliseconds: float) -> None:
        """One answer."""
        self.counts["Requests"] += 1
        if status >= 400:
            self.counts["Refused" if status < 500 else "Busy" if status == 503 else "Errors"] += 1
        power = round(math.log10(max(milliseconds, 10**LEAST)) * A_DECADE) / A_DECADE
        self.latencies[float(f"{10 ** min(power, MOST):.3g}")] += 1

    def line(self, **gauges: float) -> str:
        """What has been counted and the gauges, as one line of JSON; begins anew."""
        names = ("Requests", "Refused", "Errors", "Busy")
        values: dict[str, object] = {**{name: self.counts[name] for name in names}, **gauges}
        if self.latencies:
            values["Latency"] = {"Values": [*self.latencies], "Counts": [*self.latencies.values()]}
        metrics = [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in values]
        directive = {"Namespace": NAMESPACE, "Dimensions": [["Service"]], "Metrics": metrics}
        self.counts.clear()
        self.latencies.clear()
        emf = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        return json.dumps({"_aws": emf, "Service": "iiif", **values})
