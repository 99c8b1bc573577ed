"""Alarms whose descriptions say what to do, and the topic that notifies by e-mail."""

from collections.abc import Mapping

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_cloudwatch_actions as actions
import aws_cdk.aws_iam as iam
import aws_cdk.aws_sns as sns
import aws_cdk.aws_sns_subscriptions as subscriptions
from constructs import Construct

PERIOD = cdk.Duration.minutes(5)
ERROR_PERCENT = 5
MIN_REQUESTS = 2 * 100 // ERROR_PERCENT
"""Errors are divided by at least this many requests, so that one error is at most half of ERROR_PERCENT."""
AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD


def error_percent(errors: str, requests: str) -> str:
    """Return metric math for the percentage of failed requests, as if there were at least MIN_REQUESTS."""
    # MAX takes no list that mixes series and numbers:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    return f"100 * {errors} / IF({requests} > {MIN_REQUESTS}, {requests}, {MIN_REQUESTS})"


class Alarms(Construct):
    """The alarms of one stack.

    Each alarm's description says why the alarm matters and names its entry in docs/runbooks.md.

    email: whom to notify; if empty, the alarms only show in CloudWatch.
    """

    def __init__(self, scope: Construct, construct_id: str, *, email: str) -> None:
        super().__init__(scope, construct_id)
        self._topic: sns.Topic | None = None
        if email:
            self._topic = sns.Topic(self, "Topic", enforce_ssl=True)
            # An explicit topic policy, here for TLS, replaces the default one that lets CloudWatch publish.
            self._topic.grant_publish(
                iam.ServicePrincipal(
                    "cloudwatch.amazonaws.com",
                    conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
                )
            )
            self._topic.add_subscription(subscriptions.EmailSubscription(email))

    def add(
        self,
        construct_id: str,
        *,
        metric: cloudwatch.IMetric,
        threshold: float,
        why: str,
        runbook: str,
        evaluation_periods: int = 1,
        datapoints_to_alarm: int | None = None,
        comparison: cloudwatch.ComparisonOperator = AT_LEAST,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> cloudwatch.Alarm:
        """Alarm when `metric` reaches `threshold`. By default, missing data is treated as not breaching.

        evaluation_periods: how many periods to look at; `datapoints_to_alarm` of them must breach, all by
            default.
        runbook: the anchor of the entry in docs/runbooks.md.
        """
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=threshold,
            evaluation_periods=evaluation_periods,
            datapoints_to_alarm=datapoints_to_alarm or evaluation_periods,
            comparison_operator=comparison,
            treat_missing_data=missing,
            alarm_description=f"{why} What to do: docs/runbooks.md#{runbook}",
        )
        if self._topic:
            alarm.add_alarm_action(actions.SnsAction(self._topic))
        return alarm

    def add_errors(
        self,
        construct_id: str,
        *,
        failed: str,
        asked: str,
        using: Mapping[str, cloudwatch.IMetric],
        runbook: str,
    ) -> cloudwatch.Alarm:
        """Alarm when ERROR_PERCENT of the requests end with a 5xx in two of three periods.

        failed, asked: metric math for the numbers of errors and of requests, from the metrics in `using`.
        """
        share = cloudwatch.MathExpression(
            expression=error_percent(failed, asked),
            using_metrics=using,
            period=PERIOD,
            label="5xx, percent",
        )
        return self.add(
            construct_id,
            metric=share,
            threshold=ERROR_PERCENT,
            evaluation_periods=3,
            datapoints_to_alarm=2,
            why=f"At least {ERROR_PERCENT} % of the requests end with a 5xx.",
            runbook=runbook,
        )

    def add_minimum(
        self,
        construct_id: str,
        *,
        metric: cloudwatch.IMetric,
        minimum: float,
        why: str,
        runbook: str,
        evaluation_periods: int,
    ) -> None:
        """Alarm when `metric` stays below `minimum` or has no data."""
        self.add(
            construct_id,
            metric=metric,
            threshold=minimum,
            why=why,
            runbook=runbook,
            evaluation_periods=evaluation_periods,
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
