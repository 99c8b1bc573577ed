"""Scaling of a service by its queue's backlog, down to zero tasks."""

import math

import aws_cdk as cdk
import aws_cdk.aws_applicationautoscaling as scaling
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_cloudwatch_actions as actions
import aws_cdk.aws_ecs as ecs
import aws_cdk.aws_sqs as sqs
from constructs import Construct

JOBS_A_TASK = 10
"""Backlog per task: a new job waits for about this many others."""
STEPS = 20
"""Maximum steps of one policy, a default quota; if `max_tasks` is higher, each step is of several tasks:
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-quotas.html
"""
MINUTE = cdk.Duration.minutes(1)
IDLE = 5
"""Minutes without a message before all tasks are stopped."""
AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


class BacklogScaling(Construct):
    """Step scaling between zero and `max_tasks`, to exact numbers of tasks.

    The backlog includes in-flight messages: by visible messages alone, the service would scale in as soon as
    all are received. SQS reports them only if there are any, so without FILL there would be no backlog while
    no task runs:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    Target tracking could never scale out from zero tasks, where the backlog per task is undefined.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ecs.FargateService,
        queue: sqs.Queue,
        max_tasks: int,
    ) -> None:
        super().__init__(scope, construct_id)
        count = service.auto_scale_task_count(min_capacity=0, max_capacity=max_tasks)
        target = count.node.find_child("Target")
        assert isinstance(target, scaling.ScalableTarget)
        backlog = cloudwatch.MathExpression(
            expression="visible + FILL(in_flight, 0)",
            using_metrics={
                "visible": queue.metric_approximate_number_of_messages_visible(statistic="Maximum"),
                "in_flight": queue.metric_approximate_number_of_messages_not_visible(statistic="Maximum"),
            },
            period=MINUTE,
            label="backlog",
        )
        work = self._policy("Work", target)
        each = math.ceil(max_tasks / STEPS)
        for tasks in range(each, max_tasks + each, each):
            # Bounds are relative to the alarm's threshold, which is one message.
            last = tasks >= max_tasks
            work.add_adjustment(
                adjustment=min(tasks, max_tasks),
                lower_bound=(tasks - each) * JOBS_A_TASK,
                upper_bound=None if last else tasks * JOBS_A_TASK,
            )
        self._alarm("Backlog", work, backlog, AT_LEAST, minutes=1)
        rest = self._policy("Rest", target)
        rest.add_adjustment(adjustment=0, upper_bound=0)
        self._alarm("Idle", rest, backlog, BELOW, minutes=IDLE)

    def _policy(self, construct_id: str, target: scaling.ScalableTarget) -> scaling.StepScalingAction:
        return scaling.StepScalingAction(
            self,
            construct_id,
            scaling_target=target,
            adjustment_type=scaling.AdjustmentType.EXACT_CAPACITY,
            metric_aggregation_type=scaling.MetricAggregationType.MAXIMUM,
            cooldown=MINUTE,
        )

    def _alarm(
        self,
        construct_id: str,
        policy: scaling.StepScalingAction,
        backlog: cloudwatch.IMetric,
        comparison: cloudwatch.ComparisonOperator,
        *,
        minutes: int,
    ) -> None:
        """Add an alarm that scales the service but notifies nobody: having work, or none, is normal."""
        why = "There is work." if comparison is AT_LEAST else f"There has been no work for {minutes} minutes."
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=backlog,
            threshold=1,
            comparison_operator=comparison,
            evaluation_periods=minutes,
            treat_missing_data=cloudwatch.TreatMissingData.IGNORE,
            alarm_description=f"{why} What to do: docs/runbooks.md#scaling-by-backlog",
        )
        alarm.add_alarm_action(actions.ApplicationScalingAction(policy))
