"""A rule for app.py's templates: each metric in an alarm or dashboard is one that our code or AWS publishes.

Most alarms treat missing data as not breaching, so one with a misspelt metric would be silent forever.
"""

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from container.queue_worker import metrics as queue
from container.service import metrics as iiif
from lambda_src.renditions import metrics as renditions
from lambda_src.views import metrics as views
from runtime.jobs import metrics as jobs
from tests.synth.rules import Template, of_type

OURS: dict[str, tuple[type[StrEnum], set[str]]] = {
    "LambdaPattern": (renditions.Metric, {renditions.SERVICE}),
    "FargatePattern": (iiif.Metric, {iiif.SERVICE}),
    "LambdaService": (iiif.Metric, {iiif.SERVICE}),
    "HybridPattern": (jobs.Metric, {*jobs.Service}),
    "QueuePattern": (queue.Metric, {queue.SERVICE}),
    "StreamPattern": (views.Metric, {views.SERVICE}),
}
"""Our metric names and values of the dimension `service`, by stack: a namespace ends with a stack's name."""
AWS = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    "AWS/Lambda": {
        *("Duration", "Errors", "Invocations", "Throttles"),
        *("DestinationDeliveryFailures", "IteratorAge", "OnFailureDestinationDeliveredEventCount"),
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html
        *("Url5xxCount", "UrlRequestCount", "UrlRequestLatency"),
    },
    # https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
    "AWS/Kinesis": {"IncomingRecords", "WriteProvisionedThroughputExceeded"},
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    "AWS/SQS": {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
    },
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    "AWS/ApplicationELB": {
        "HTTPCode_ELB_5XX_Count",
        "HTTPCode_Target_5XX_Count",
        "HealthyHostCount",
        "RequestCount",
        "TargetResponseTime",
        "UnHealthyHostCount",
    },
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
    "AWS/ECS": {"CPUUtilization", "MemoryUtilization"},
}
"""AWS's own metrics that are used here."""
Metric = tuple[str, str, dict[str, str]]
"""Namespace, name, dimensions."""


def metric_is_counted(template: Template) -> Iterator[str]:
    """Yield one sentence per metric that nobody publishes."""
    for name, metric in metrics(template):
        namespace, counted, dimensions = metric
        if (stack := namespace.rpartition("-")[2]) in OURS:
            known, services = OURS[stack]
            if counted not in {*known} or dimensions.get("service") not in services:
                yield f"{name}: nobody counts {counted} of {dimensions} in {namespace}"
        elif counted not in AWS.get(namespace, set()):
            yield f"{name}: {namespace} has no {counted}"


def metrics(template: Template) -> Iterator[tuple[str, Metric]]:
    """Yield every metric of every alarm and dashboard, with the logical id of its resource."""
    for name, alarm in of_type(template, "AWS::CloudWatch::Alarm"):
        yield from ((name, metric) for metric in _of_alarm(alarm["Properties"]))
    for name, dashboard in of_type(template, "AWS::CloudWatch::Dashboard"):
        for widget in json.loads(text(dashboard["Properties"]["DashboardBody"]))["widgets"]:
            for line in widget["properties"].get("metrics", []):
                yield from ((name, metric) for metric in _of_line(line))


def _of_alarm(properties: dict[str, Any]) -> Iterator[Metric]:
    queries = [
        query["MetricStat"]["Metric"] for query in properties.get("Metrics", []) if "MetricStat" in query
    ]
    for one in [properties] if "MetricName" in properties else queries:
        dimensions = {pair["Name"]: str(pair["Value"]) for pair in one.get("Dimensions", [])}
        yield one["Namespace"], one["MetricName"], dimensions


def _of_line(line: list[Any]) -> Iterator[Metric]:
    if isinstance(line[0], dict):
        for namespace, name in SEARCHED.findall(line[0].get("expression", "")):
            yield namespace, name, {}
        return
    namespace, name, *rest = [part for part in line if isinstance(part, str)]
    yield namespace, name, dict(zip(rest[::2], rest[1::2], strict=True))


SEARCHED = re.compile(r"\{([\w/]+),[^}]*\} MetricName=\"(\w+)\"")
"""Syntax: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html"""


def text(value: Any) -> str:
    """Return a string as CloudFormation would join it, with a placeholder for each reference."""
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else "reference" for part in value["Fn::Join"][1])
