"""A Lambda function as it was seen: its metrics, Lambda Insights where it is on, and its REPORT lines."""

import json
import re
from collections.abc import Iterator
from typing import Any

from chooser.observed.metrics import Metrics, Seen, Window, rounded

MOST_REPORTS = 2000
"""REPORT lines that are read: enough for a share of one percent."""
REPORT = re.compile(r"Max Memory Used: (\d+) MB(?:.*?Init Duration: ([\d.]+) ms)?", re.DOTALL)
"""https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html"""
DISK_INCLUDED_MB = 512


def function(session: Any, name: str, window: Window) -> Seen:
    """Of a Lambda function. Raises NothingSeenError, and what boto3 does."""
    told = session.client("lambda").get_function_configuration(FunctionName=name)
    name, architecture = told["FunctionName"], told.get("Architectures", ["x86_64"])[0]
    client = session.client("cloudwatch")
    metrics = Metrics(client=client, window=window, namespace="AWS/Lambda", dimensions={"FunctionName": name})
    seen = metrics.load("Invocations", "invocations")
    runs, average = metrics.total("Invocations"), metrics.mean("Duration") or 1
    longest, late = metrics.most("Duration"), metrics.most("Duration", "p99")
    seen.values.update(
        name=name,
        region=session.region_name,
        duration_ms={architecture: rounded(average)},
        memory_mb=told["MemorySize"],
        longest_seconds=rounded(max(longest, rounded(average)) / 1000),
    )
    seen.comments["duration_ms"] = f"the average; p99 up to {late:,.0f} ms in an hour"
    at_once = metrics.most("ConcurrentExecutions")
    seen.comments["peak_per_second"] += f"; {at_once:,.0f} at once at most"
    errors, throttles = metrics.total("Errors"), metrics.total("Throttles")
    failed = f"{errors:,.0f} of {runs:,.0f} failed, {throttles:,.0f} were throttled"
    seen.comments["attempts"] = f"not seen; {failed}"
    seen.comments["front_door"] = "not seen: what calls it, such as http-api; none, where events do"
    _settings(seen, told)
    _insights(
        seen,
        Metrics(client=client, window=window, namespace="LambdaInsights", dimensions={"function_name": name}),
    )
    group = told.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
    of_logs = Metrics(client=client, window=window, namespace="AWS/Logs", dimensions={"LogGroupName": group})
    _logs(seen, session.client("logs"), of_logs, runs)
    return seen


def _settings(seen: Seen, told: Any) -> None:
    disk = told.get("EphemeralStorage", {}).get("Size", DISK_INCLUDED_MB)
    if disk > DISK_INCLUDED_MB:
        seen.values["disk_mb"] = disk
    if told.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions":
        seen.values["snapstart"] = True
    if told.get("VpcConfig", {}).get("VpcId"):
        seen.values["function_in_vpc"] = True
        seen.comments["function_in_vpc"] = "say nat_gateways or endpoints too"


def _insights(seen: Seen, metrics: Metrics) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Lambda-Insights-metrics.html"""
    milliseconds = metrics.mean("cpu_total_time")
    if milliseconds is None:
        seen.comments["cpu_ms"] = "not seen: Lambda Insights is off. Say cpu_share, if you know it"
        return
    seen.values["cpu_ms"] = rounded(milliseconds)
    seen.comments["cpu_ms"] = "of Lambda Insights"


def _logs(seen: Seen, logs: Any, metrics: Metrics, runs: float) -> None:
    """The log's size, and what its REPORT lines say of starts and memory."""
    group = metrics.dimensions["LogGroupName"]
    if kilobytes := metrics.total("IncomingBytes") / 1000:
        seen.values["log_kb"] = rounded(kilobytes / runs)
    else:
        seen.comments["log_kb"] = f"not seen: nothing came into {group}"
    reports = [*_reports(logs, group, metrics.window)]
    if not reports:
        seen.comments["init_ms"] = seen.comments["cold_share"] = f"not seen: no REPORT line in {group}"
        return
    inits = [init for _, init in reports if init]
    seen.values["cold_share"] = round(len(inits) / len(reports), 5)
    seen.comments["cold_share"] = f"of {len(reports):,} REPORT lines"
    if inits:
        seen.values["init_ms"] = rounded(sum(inits) / len(inits))
    used = max(memory for memory, _ in reports)
    seen.comments["shared_memory_mb"] = f"not seen apart; {used:,} MB were used at most, with one request"


def _reports(logs: Any, group: str, window: Window) -> Iterator[tuple[int, float]]:
    """What `report` makes of lines, until there are enough."""
    read = 0
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        filterPattern='?REPORT ?"platform.report"',
        startTime=int(window.start.timestamp() * 1000),
        endTime=int(window.end.timestamp() * 1000),
    )
    try:
        for event in (event for page in pages for event in page["events"]):
            if told := report(event["message"]):
                read += 1
                yield told
            if read == MOST_REPORTS:
                return
    except logs.exceptions.ResourceNotFoundException:
        return


def report(line: str) -> tuple[int, float] | None:
    """MB used, and milliseconds of the start or 0, of text or JSON; None of a line that is no report."""
    if found := REPORT.search(line):
        return int(found[1]), float(found[2] or 0)
    try:
        metrics = json.loads(line)["record"]["metrics"]
        return int(metrics["maxMemoryUsedMB"]), float(metrics.get("initDurationMs", 0))
    except (ValueError, KeyError, TypeError):
        return None
