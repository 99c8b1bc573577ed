"""Alarms on jobs, their tasks, the sweep and invalidations, and a dashboard."""

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
from constructs import Construct

from runtime.jobs.metrics import Metric, Service
from stacks.constructs.alarms import PERIOD, Alarms


def watch_jobs(scope: Construct, alarms: Alarms, sweep: cdk.Duration) -> None:
    """Add alarms on what dispatcher and tracker count, and a dashboard. sweep: the interval of sweeps."""
    namespace = cdk.Stack.of(scope).stack_name

    def counted(service: Service, name: Metric, statistic: str = "Sum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={"service": service},
            period=PERIOD,
            statistic=statistic,
        )

    failed = cloudwatch.MathExpression(
        expression="FILL(started, 0) + FILL(followed, 0)",
        using_metrics={
            "started": counted(Service.DISPATCHER, Metric.JOB_FAILED),
            "followed": counted(Service.TRACKER, Metric.JOB_FAILED),
        },
        period=PERIOD,
        label="jobs failed",
    )
    alarms.add(
        "JobsFailed", metric=failed, threshold=1, why="A job has failed permanently.", runbook="jobs-failed"
    )
    alarms.add(
        "JobsOverdue",
        metric=counted(Service.TRACKER, Metric.JOBS_OVERDUE, "Maximum"),
        threshold=1,
        evaluation_periods=3,
        datapoints_to_alarm=2,
        why="In two of three sweeps there were jobs past their deadline.",
        runbook="jobs-overdue",
    )
    alarms.add(
        "JobsWaiting",
        metric=counted(Service.TRACKER, Metric.JOBS_WAITING, "Minimum"),
        threshold=1,
        evaluation_periods=12,
        datapoints_to_alarm=10,  # a period may fall between two sweeps
        why="Jobs have been waiting for capacity or quota for an hour.",
        runbook="jobs-waiting",
    )
    alarms.add(
        "TasksNeverRan",
        metric=counted(Service.TRACKER, Metric.TASK_NEVER_RAN),
        threshold=1,
        why="ECS accepted a task that then failed to start.",
        runbook="tasks-never-ran",
    )
    alarms.add(
        "NotInvalidated",
        metric=counted(Service.TRACKER, Metric.NOT_INVALIDATED),
        threshold=1,
        evaluation_periods=12,
        datapoints_to_alarm=6,
        why="Removed results could not be invalidated in six of twelve five-minute periods.",
        runbook="not-invalidated",
    )
    alarms.add_minimum(
        "NoSweep",
        metric=counted(Service.TRACKER, Metric.SWEPT),
        minimum=1,
        evaluation_periods=3,
        why=f"No sweep for lost jobs has run for {3 * sweep.to_minutes():.0f} minutes.",
        runbook="no-sweep",
    )
    ended = [
        counted(Service.DISPATCHER, name)
        for name in (Metric.DONE_BY_LAMBDA, Metric.TASK_STARTED, Metric.WAITING, Metric.REJECTED)
    ]
    watched = [counted(Service.TRACKER, name) for name in (Metric.TASK_STOPPED, Metric.TASK_NEVER_RAN)]
    waiting = [
        counted(Service.TRACKER, name, "Maximum") for name in (Metric.JOBS_WAITING, Metric.JOBS_OVERDUE)
    ]
    dashboard = cloudwatch.Dashboard(scope, "Dashboard", default_interval=cdk.Duration.hours(6))
    dashboard.add_widgets(
        cloudwatch.GraphWidget(title="Where jobs went", left=ended, width=8),
        cloudwatch.GraphWidget(title="Tasks that ended, jobs that failed", left=[*watched, failed], width=8),
        cloudwatch.GraphWidget(title="Jobs that wait or are overdue", left=waiting, width=8),
    )
