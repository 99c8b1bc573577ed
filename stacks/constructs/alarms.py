"""Alarms that say what to do, and tell somebody."""

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_cloudwatch_actions as actions
import aws_cdk.aws_sns as sns
import aws_cdk.aws_sns_subscriptions as subscriptions
from constructs import Construct


class Alarms(Construct):
    """The alarms of one stack. Each description says why and links to its entry in docs/runbooks.md.

    email: who is told; without one the alarms are only seen in CloudWatch.
    """

    def __init__(self, scope: Construct, construct_id: str, *, email: str) -> None:
        super().__init__(scope, construct_id)
        self._topic: sns.Topic | None = None
        if email:
            self._topic = sns.Topic(self, "Topic", enforce_ssl=True)
            self._topic.add_subscription(subscriptions.EmailSubscription(email))

    def add(
        self,
        construct_id: str,
        *,
        metric: cloudwatch.IMetric,
        threshold: float,
        why: str,
        runbook: str,
        periods: int = 1,
    ) -> None:
        """Goes off when `metric` is at or above `threshold` for `periods` in a row; no data is no trouble.

        runbook: the anchor of the entry in docs/runbooks.md.
        """
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{why} What to do: docs/runbooks.md#{runbook}",
        )
        if self._topic:
            alarm.add_alarm_action(actions.SnsAction(self._topic))


PERIOD = cdk.Duration.minutes(5)
