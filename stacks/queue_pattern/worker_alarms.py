"""Alarms on what the service counts: failed attempts, jobs returned to the queue, failed invalidations."""

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
from constructs import Construct

from container.queue_worker.metrics import SERVICE, Metric
from stacks.constructs.alarms import PERIOD, Alarms


def watch_worker(scope: Construct, alarms: Alarms) -> None:
    """Add alarms on what the service counts. Those on its queue are in stacks/constructs/event_queue.py."""

    def counted(name: Metric) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=cdk.Stack.of(scope).stack_name,
            metric_name=name,
            dimensions_map={"service": SERVICE},
            period=PERIOD,
            statistic="Sum",
        )

    alarms.add(
        "AttemptsFailed",
        metric=counted(Metric.FAILED),
        threshold=1,
        why="An attempt failed for a reason that is not transient.",
        runbook="attempts-failed",
    )
    alarms.add(
        "GivenBack",
        metric=counted(Metric.GIVEN_BACK),
        threshold=1,
        evaluation_periods=3,
        datapoints_to_alarm=3,
        why="In each of three five-minute periods, a task was stopped in the middle of a job.",
        runbook="jobs-given-back",
    )
    alarms.add(
        "NotInvalidated",
        metric=counted(Metric.NOT_INVALIDATED),
        threshold=1,
        why="Removed results could not be invalidated; they expire from CloudFront's cache within a day.",
        runbook="not-invalidated-by-the-service",
    )
