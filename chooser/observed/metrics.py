"""CloudWatch's numbers of a window of time, and the load that they show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chooser.workload import SECONDS_A_MONTH

MINUTES_KEPT_DAYS = 15
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html"""
HOUR = 3600
Points = Sequence[tuple[datetime, float]]


class NothingSeenError(Exception):
    """There is no such thing, or it did nothing: why."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """From one full hour to another."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """From start to end."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """values: keys of a workload. comments: on them, or on what is not there."""

    values: dict[str, object] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Of one namespace and its dimensions."""

    client: Any
    window: Window
    namespace: str
    dimensions: Mapping[str, str]

    def points(self, name: str, stat: str, period: int = HOUR) -> Points:
        """By time; a period without data has none."""
        dimensions = [{"Name": key, "Value": value} for key, value in self.dimensions.items()]
        metric = {"Namespace": self.namespace, "MetricName": name, "Dimensions": dimensions}
        pages = self.client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}],
            StartTime=self.window.start,
            EndTime=self.window.end,
        )
        found = [one for page in pages for one in page["MetricDataResults"]]
        return [pair for one in found for pair in zip(one["Timestamps"], one["Values"], strict=True)]

    def total(self, name: str, stat: str = "Sum") -> float:
        """Of all hours."""
        return sum(value for _, value in self.points(name, stat))

    def mean(self, name: str) -> float | None:
        """Of all samples; None without any."""
        count = self.total(name, "SampleCount")
        return self.total(name) / count if count else None

    def most(self, name: str, stat: str = "Maximum") -> float:
        """Of all hours; 0 without any."""
        return max((value for _, value in self.points(name, stat)), default=0)

    def load(self, name: str, what: str) -> Seen:
        """Requests a month, by hour of the day in UTC, and in the worst minute. Raises NothingSeenError."""
        hourly = [(at, value) for at, value in self.points(name, "Sum") if value]
        if not hourly:
            raise NothingSeenError(f"CloudWatch has no {what} of it from {self.window.start:%Y-%m-%d} on")
        total = sum(value for _, value in hourly)
        seconds = (self.window.end - min(at for at, _ in hourly)).total_seconds()
        hours = [0.0] * 24
        for at, value in hourly:
            hours[at.hour] += value
        period = 60 if self.window.seconds <= MINUTES_KEPT_DAYS * 86_400 else 300
        worst = max(value for _, value in self.points(name, "Sum", period))
        return Seen(
            values={
                "requests": round(total * SECONDS_A_MONTH / seconds),
                "hours": [round(one / max(hours) * 1000) for one in hours],
                "peak_per_second": rounded(worst / period),
            },
            comments={
                "requests": f"{total:,.0f} {what} in the {seconds / 86_400:.3g} days since the first",
                "hours": "in UTC",
                "peak_per_second": f"in the worst {'minute' if period == 60 else 'five minutes'}",
            },
        )


def rounded(number: float) -> float:
    """To four digits: more are not meant."""
    return float(f"{number:.4g}")
