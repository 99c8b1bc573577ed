"""Observation of a Lambda function: metrics, Lambda Insights if on, and REPORT lines."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chooser.costs.functions import DISK_INCLUDED_MB
from chooser.observed.metrics import Metrics, Seen, Window, rounded

SLICES, OF_EACH = 20, 100
"""Equal slices of the window, and the maximum number of REPORT lines read per slice: enough to see a few cold
starts per 1,000.
"""
REPORT = re.compile(r"Max Memory Used: (\d+) MB(?:.*?(?:Init|Restore) Duration: ([\d.]+) ms)?", re.DOTALL)
"""A REPORT line; with SnapStart it has a Restore Duration:
https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""


def function(session: Any, name: str, window: Window) -> Seen:
    """Observe a Lambda function. Raises NothingSeenError, and boto3's errors."""
    told = session.client("lambda").get_function_configuration(FunctionName=name)
    name, client = told["FunctionName"], session.client("cloudwatch")

    def metrics(namespace: str, dimension: str, value: str) -> Metrics:
        return Metrics(client=client, window=window, namespace=namespace, dimensions=[{dimension: value}])

    of_lambda = metrics("AWS/Lambda", "FunctionName", name)
    seen, runs = of_lambda.load("Invocations", "invocations")
    seen.values.update(name=name, region=session.region_name, memory_mb=told["MemorySize"])
    at_once = of_lambda.most("ConcurrentExecutions")
    errors, throttles = of_lambda.total("Errors"), of_lambda.total("Throttles")
    failed = f"{errors:,.0f} of {runs:,.0f} failed, {throttles:,.0f} were throttled"
    seen.comments["peak_per_second"] += f"; {at_once:,.0f} at once at most"
    seen.comments["attempts"] = f"not seen; {failed}"
    seen.comments["front_door"] = "not seen: what calls it, such as http-api; none if events do"
    _durations(seen, of_lambda, told.get("Architectures", ["x86_64"])[0])
    _settings(seen, told)
    _insights(seen, metrics("LambdaInsights", "function_name", name))
    own = f"/aws/lambda/{name}"
    group = told.get("LoggingConfig", {}).get("LogGroup") or own
    if group == own:
        kilobytes = metrics("AWS/Logs", "LogGroupName", group).total("IncomingBytes") / 1000
        if kilobytes:
            seen.values["log_kb"] = rounded(kilobytes / runs)
    if "log_kb" not in seen.values:
        shared = "other functions may write there too" if group != own else "nothing came in"
        seen.comments["log_kb"] = f"not seen in {group}: {shared}"
    try:
        _starts(seen, [*_reports(session.client("logs"), group, name, window)])
    except ClientError as error:
        seen.comments["init_ms"] = seen.comments["cold_share"] = f"not seen: {error}"
    return seen


def _durations(seen: Seen, metrics: Metrics, architecture: str) -> None:
    average = metrics.mean("Duration")
    if average is None:
        seen.comments["duration_ms"] = f"not seen: {{ {architecture} = milliseconds of one run }}"
        return
    seen.values["duration_ms"] = {architecture: rounded(average)}
    late, longest = metrics.most("Duration", "p99"), metrics.most("Duration")
    seen.comments["duration_ms"] = f"the average; p99 of the worst hour: {late:,.0f} ms"
    if longest > 1.001 * average and longest >= 1:
        seen.values["longest_seconds"] = rounded(longest / 1000)


def _settings(seen: Seen, told: Any) -> None:
    disk = told.get("EphemeralStorage", {}).get("Size", DISK_INCLUDED_MB)
    if disk > DISK_INCLUDED_MB:
        seen.values["disk_mb"] = disk
    if told.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions":
        seen.values["snapstart"] = True
    if told.get("VpcConfig", {}).get("VpcId"):
        seen.values["function_in_vpc"] = True
        seen.comments["function_in_vpc"] = "set nat_gateways or endpoints too"


def _insights(seen: Seen, metrics: Metrics) -> None:
    """Record what Lambda Insights measured, where it is on.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Lambda-Insights-metrics.html
    """
    milliseconds = metrics.mean("cpu_total_time")
    if milliseconds is None:
        seen.comments["cpu_ms"] = "not seen: Lambda Insights is off. Set cpu_share if you know it"
        return
    seen.values["cpu_ms"] = rounded(milliseconds)
    seen.comments["cpu_ms"] = "from Lambda Insights"


def _starts(seen: Seen, reports: Sequence[tuple[int, float]]) -> None:
    """Record cold starts and memory from REPORT lines."""
    if not reports:
        seen.comments["init_ms"] = seen.comments["cold_share"] = "not seen: no REPORT line in the log"
        return
    inits = [init for _, init in reports if init]
    seen.values["cold_share"] = round(len(inits) / len(reports), 5)
    seen.comments["cold_share"] = f"in {len(reports):,} REPORT lines, spread over the whole period"
    if inits:
        seen.values["init_ms"] = rounded(sum(inits) / len(inits))
    used = max(memory for memory, _ in reports)
    seen.comments["shared_memory_mb"] = (
        f"not seen separately; {used:,} MB were used at most, with one request"
    )


def _reports(logs: Any, group: str, name: str, window: Window) -> Iterator[tuple[int, float]]:
    """Yield a function's parsed REPORT lines; in a shared log group, only those of streams named after it."""
    length = (window.end - window.start) / SLICES
    for number in range(SLICES):
        start = window.start + number * length
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            filterPattern='?REPORT ?"platform.report"',
            startTime=int(start.timestamp() * 1000),
            endTime=int((start + length).timestamp() * 1000) - 1,
            PaginationConfig={"MaxItems": OF_EACH},
        )
        try:
            events = [event for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return
        for event in events:
            is_own = group == f"/aws/lambda/{name}" or f"/{name}[" in event["logStreamName"]
            if is_own and (told := report(event["message"])):
                yield told


def report(line: str) -> tuple[int, float] | None:
    """Return MB used and milliseconds of a cold start (0 if none) from a REPORT line; None for other lines.

    Lines are text or JSON.
    """
    if found := REPORT.search(line):
        return int(found[1]), float(found[2] or 0)
    try:
        metrics = json.loads(line)["record"]["metrics"]
        start = metrics.get("initDurationMs") or metrics.get("restoreDurationMs") or 0
        return int(metrics["maxMemoryUsedMB"]), float(start)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
