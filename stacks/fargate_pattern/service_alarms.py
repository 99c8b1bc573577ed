"""Alarms of a service behind a load balancer."""

from collections.abc import Sequence

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_elasticloadbalancingv2 as elb

from stacks.constructs.alarms import PERIOD, Alarms
from stacks.fargate_pattern.http_service import HttpService
from stacks.fargate_pattern.size import ServiceSize

MINUTE = cdk.Duration.minutes(1)
SLOW_SECONDS = 3
NEARLY_FULL_PERCENT = 90


def watch_service(
    alarms: Alarms, load_balancer: elb.ApplicationLoadBalancer, service: HttpService, size: ServiceSize
) -> list[str]:
    """Add alarms on errors, latency, health, too few tasks (missing data counts as none), CPU and memory.

    Returns the names of those that roll back a canary: errors and latency at the load balancer.
    """
    metrics = load_balancer.metrics
    groups = [group.metrics for group in service.target_groups]
    errors = {
        "service": metrics.http_code_target(elb.HttpCodeTarget.TARGET_5XX_COUNT, period=PERIOD),
        "balancer": metrics.http_code_elb(elb.HttpCodeElb.ELB_5XX_COUNT, period=PERIOD),
        "requests": metrics.request_count(period=PERIOD),
    }
    errors_alarm = alarms.add_errors(
        "Errors",
        failed="(FILL(service, 0) + FILL(balancer, 0))",
        asked="(FILL(requests, 0) + FILL(balancer, 0))",
        using=errors,
        runbook="service-errors",
    )
    slow_alarm = alarms.add(
        "Slow",
        metric=metrics.target_response_time(period=PERIOD, statistic="p99"),
        threshold=SLOW_SECONDS,
        evaluation_periods=3,
        why=f"The p99 latency has been at least {SLOW_SECONDS} s for 15 minutes.",
        runbook="service-slow",
    )
    alarms.add(
        "Unhealthy",
        metric=_together([one.unhealthy_host_count(period=MINUTE, statistic="Maximum") for one in groups]),
        threshold=1,
        evaluation_periods=10,
        datapoints_to_alarm=3,
        why="Tasks have failed their health checks in three of ten minutes.",
        runbook="service-unhealthy",
    )
    alarms.add_minimum(
        "TooFew",
        metric=_together([one.healthy_host_count(period=MINUTE, statistic="Minimum") for one in groups]),
        minimum=size.min_tasks,
        evaluation_periods=5,
        why=f"For five minutes, fewer tasks have been healthy than the minimum of {size.min_tasks}.",
        runbook="service-too-few",
    )
    for name, metric in (
        ("CPU", service.metric_cpu_utilization(period=PERIOD)),
        ("Memory", service.metric_memory_utilization(period=PERIOD, statistic="Maximum")),
    ):
        alarms.add(
            name.title(),
            metric=metric,
            threshold=NEARLY_FULL_PERCENT,
            evaluation_periods=3,
            why=f"{name} utilisation has been at least {NEARLY_FULL_PERCENT} % for 15 minutes.",
            runbook="service-full",
        )
    return [errors_alarm.alarm_name, slow_alarm.alarm_name]


def _together(metrics: Sequence[cloudwatch.Metric]) -> cloudwatch.IMetric:
    """Return the metric of one target group, or the sum of two, in which missing data counts as zero."""
    if len(metrics) == 1:
        return metrics[0]
    named = {f"group{number}": metric for number, metric in enumerate(metrics)}
    sum_ = " + ".join(f"FILL({name}, 0)" for name in named)
    return cloudwatch.MathExpression(expression=sum_, using_metrics=named, period=MINUTE, label="hosts")
