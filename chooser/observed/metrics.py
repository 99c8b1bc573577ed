"""CloudWatch metrics over a window of time, and the load that they show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chooser.workload import SECONDS_A_MONTH

MINUTES_KEPT = timedelta(days=15)
"""How long CloudWatch keeps one-minute data points:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""
HOUR = 3600
ADDED = ("Sum", "SampleCount")
"""Statistics that are summed over several sets of dimensions; for others, the maximum is taken."""


class NothingSeenError(Exception):
    """Raised when a resource does not exist, did nothing or cannot be observed; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A time range between full hours."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return (self.end - self.start).total_seconds()

    @property
    def shortest_period(self) -> int:
        """The shortest period, in seconds, that CloudWatch is sure to have kept for the whole window."""
        return 60 if self.end - self.start < MINUTES_KEPT else 300


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was observed. values: by key of a workload. comments: by key, also for values not seen."""

    values: dict[str, object] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Metrics in one namespace. dimensions: one set for each part of the resource, such as a target group."""

    client: Any
    window: Window
    namespace: str
    dimensions: Sequence[Mapping[str, str]]

    def points(self, name: str, stat: str, period: int = HOUR) -> dict[datetime, float]:
        """Return values by time, in UTC; periods without data are missing."""
        found: dict[datetime, float] = {}
        for dimensions in self.dimensions:
            for at, value in self._points(name, stat, period, dimensions):
                time = at.astimezone(UTC)
                before = found.get(time, 0)
                found[time] = before + value if stat in ADDED else max(before, value)
        return found

    def _points(
        self, name: str, stat: str, period: int, dimensions: Mapping[str, str]
    ) -> list[tuple[datetime, float]]:
        metric = {
            "Namespace": self.namespace,
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        }
        pages = self.client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}],
            StartTime=self.window.start,
            EndTime=self.window.end,
        )
        found = [one for page in pages for one in page["MetricDataResults"]]
        return [pair for one in found for pair in zip(one["Timestamps"], one["Values"], strict=True)]

    def total(self, name: str, stat: str = "Sum") -> float:
        """Return the sum over all hours."""
        return sum(self.points(name, stat).values())

    def mean(self, name: str) -> float | None:
        """Return the mean of all samples; None without any."""
        count = self.total(name, "SampleCount")
        return self.total(name) / count if count else None

    def most(self, name: str, stat: str = "Maximum") -> float:
        """Return the maximum over all hours; 0 without data."""
        return max(self.points(name, stat).values(), default=0)

    def load(self, name: str, what: str) -> tuple[Seen, float]:
        """Return the load (requests per month, hourly weights in UTC, peak rate), and the window's requests.

        Raises NothingSeenError.
        """
        hourly = {at: value for at, value in self.points(name, "Sum").items() if value}
        start = self.window.start
        if not hourly:
            raise NothingSeenError(f"CloudWatch has recorded no {what} since {start:%Y-%m-%d}")
        total, hours, period = sum(hourly.values()), [0.0] * 24, self.window.shortest_period
        for at, value in hourly.items():
            hours[at.hour] += value
        worst = max(self.points(name, "Sum", period).values(), default=0) / period
        first, days, late = min(hourly), self.window.seconds / 86_400, ""
        if first.date() > start.date():
            late = f"; the first on {first:%Y-%m-%d}: if deployed only then, enter a higher number"
        seen = Seen(
            values={
                "requests": round(total * SECONDS_A_MONTH / self.window.seconds),
                "hours": [round(one / max(hours) * 1000) for one in hours],
                "peak_per_second": rounded(worst or max(hourly.values()) / HOUR),
            },
            comments={
                "requests": f"{total:,.0f} {what} in {days:g} days{late}",
                "hours": "in UTC",
                "peak_per_second": f"in the worst {'minute' if period == 60 else 'five minutes'}",
            },
        )
        return seen, total


def rounded(number: float) -> float:
    """Round to four significant digits."""
    return float(f"{number:.4g}")
