"""Additional alarms for a function that answers viewers."""

import aws_cdk.aws_lambda as lambda_

from stacks.constructs.alarms import PERIOD, Alarms

SLOW_MS = 3_000


def watch_answers(alarms: Alarms, function: lambda_.Function) -> None:
    """Add alarms on errors and latency, from the function URL's metrics.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html
    """
    alarms.add_errors(
        "AnswerErrors",
        failed="FILL(failed, 0)",
        asked="asked",
        using={
            "failed": function.metric("Url5xxCount", period=PERIOD, statistic="Sum"),
            "asked": function.metric("UrlRequestCount", period=PERIOD, statistic="Sum"),
        },
        runbook="answer-errors",
    )
    alarms.add(
        "AnswersSlow",
        metric=function.metric("UrlRequestLatency", period=PERIOD, statistic="p99"),
        threshold=SLOW_MS,
        evaluation_periods=3,
        why=f"The p99 latency has been at least {SLOW_MS / 1000:g} s for 15 minutes.",
        runbook="answers-slow",
    )
