"""Alarms for records that are late, lost or malformed."""

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_kinesis as kinesis
import aws_cdk.aws_lambda as lambda_

from lambda_src.views.metrics import SERVICE, Metric
from stacks.constructs.alarms import PERIOD, Alarms

LATE = cdk.Duration.minutes(30)


def watch_records(
    alarms: Alarms, function: lambda_.Function, mapping: lambda_.EventSourceMapping, stream: kinesis.Stream
) -> None:
    """Add alarms on records, in addition to those of every function."""
    alarms.add(
        "IteratorAge",
        metric=function.metric("IteratorAge", period=PERIOD, statistic="Maximum"),
        threshold=LATE.to_milliseconds(),
        evaluation_periods=2,
        why=f"Records wait more than {LATE.to_minutes():.0f} minutes before they are counted.",
        runbook="late-records",
    )
    alarms.add(
        "Unread",
        metric=_unread(function, stream),
        threshold=1,
        evaluation_periods=3,
        why="Records arrived for 15 minutes, but the function was not invoked.",
        runbook="unread-records",
    )
    alarms.add(
        "Refused",
        metric=_of_stream(stream, "WriteProvisionedThroughputExceeded"),
        threshold=1,
        why="The stream throttled writes: producers send more than its shards accept.",
        runbook="refused-records",
    )
    alarms.add(
        "NotCounted",
        metric=_counted(function, Metric.NOT_COUNTED),
        threshold=1,
        evaluation_periods=6,
        datapoints_to_alarm=3,
        why="Records could not be counted in three of six five-minute periods; they are retried.",
        runbook="records-not-counted",
    )
    alarms.add(
        "Malformed",
        metric=_counted(function, Metric.MALFORMED),
        threshold=1,
        evaluation_periods=3,
        why="Malformed records have been arriving for 15 minutes.",
        runbook="malformed-records",
    )
    alarms.add(
        "SetAside",
        metric=cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="OnFailureDestinationDeliveredEventCount",
            dimensions_map={"EventSourceMappingUUID": mapping.event_source_mapping_id},
            statistic="Sum",
            period=PERIOD,
        ),
        threshold=1,
        why="Records kept failing and were set aside.",
        runbook="records-set-aside",
    )
    alarms.add(
        "NotSetAside",
        metric=function.metric("DestinationDeliveryFailures", period=PERIOD, statistic="Sum"),
        threshold=1,
        why="Records kept failing and could not be set aside.",
        runbook="records-lost",
    )


def _unread(function: lambda_.Function, stream: kinesis.Stream) -> cloudwatch.MathExpression:
    """Return a metric that is 1 if records arrive but nothing is invoked; IteratorAge then has no data."""
    return cloudwatch.MathExpression(
        expression="IF(FILL(came, 0) > 0 AND FILL(called, 0) < 1, 1, 0)",
        using_metrics={
            "came": _of_stream(stream, "IncomingRecords"),
            "called": function.metric_invocations(period=PERIOD),
        },
        period=PERIOD,
        label="unread records",
    )


def _of_stream(stream: kinesis.Stream, name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/Kinesis",
        metric_name=name,
        dimensions_map={"StreamName": stream.stream_name},
        statistic="Sum",
        period=PERIOD,
    )


def _counted(function: lambda_.Function, name: Metric) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=cdk.Stack.of(function).stack_name,
        metric_name=name,
        dimensions_map={"service": SERVICE},
        statistic="Sum",
        period=PERIOD,
    )
