"""A line a minute in CloudWatch's embedded metric format, from which it makes metrics without an API call.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import time
from collections import Counter
from dataclasses import dataclass, field

NAMESPACE = "FargatePattern"
MOST_VALUES = 100
"""A metric's array holds no more."""
_UNITS = {"Latency": "Milliseconds", "CacheBytes": "Bytes"}


@dataclass(kw_only=True)
class Metrics:
    """Counts since the last line. Latencies are rounded to two digits, so that a hundred values suffice."""

    counts: Counter[str] = field(default_factory=Counter)
    latencies: Counter[float] = field(default_factory=Counter)

    def answered(self, status: int, milliseconds: float) -> None:
        """One answer."""
        self.counts["Requests"] += 1
        if status >= 400:
            self.counts["Refused" if status < 500 else "Busy" if status == 503 else "Errors"] += 1
        self.latencies[float(f"{milliseconds:.2g}")] += 1

    def line(self, **gauges: float) -> str:
        """What has been counted and the gauges, as one line of JSON; begins anew."""
        names = ("Requests", "Refused", "Errors", "Busy")
        values: dict[str, object] = {**{name: self.counts[name] for name in names}, **gauges}
        if self.latencies:
            common = self.latencies.most_common(MOST_VALUES)
            values["Latency"] = {
                "Values": [one for one, _ in common],
                "Counts": [count for _, count in common],
            }
        metrics = [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in values]
        directive = {"Namespace": NAMESPACE, "Dimensions": [["Service"]], "Metrics": metrics}
        self.counts.clear()
        self.latencies.clear()
        emf = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        return json.dumps({"_aws": emf, "Service": "iiif", **values})
