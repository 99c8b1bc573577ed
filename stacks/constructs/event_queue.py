"""An EventBridge rule that feeds a queue for a function or a service, losing nothing on the way."""

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_events as events
import aws_cdk.aws_events_targets as targets
import aws_cdk.aws_sqs as sqs
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.alarms import PERIOD, Alarms

MAX_RECEIVES = 5
"""Maximum receive count of a message; a lower one would dead-letter messages of a throttled consumer."""
KEPT = cdk.Duration.days(10)
"""How long messages may wait; SQS deletes older ones, and does not put them into the dead-letter queue."""
KEPT_DEAD = cdk.Duration.days(14)
"""SQS's maximum, counted from when a message was first sent, so a dead letter is kept for at least four days:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""
MAX_AGE = cdk.Duration.minutes(15)


class EventQueue(Construct):
    """A rule, its queue, and a dead-letter queue for each of the two places where an event can get stuck.

    EventBridge puts events it cannot deliver into `undelivered`; the queue moves messages whose processing
    failed five times into `dead_letters`. A function as the rule's direct target would lose an event after
    two failed retries.

    pattern: which events to match.
    visibility: visibility timeout: `of_function()` for a function, less for a consumer that extends it while
        it works.
    longest_attempt: longest time a message is worked on; `visibility` by default.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pattern: events.EventPattern,
        visibility: cdk.Duration,
        longest_attempt: cdk.Duration | None = None,
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, construct_id)
        self.undelivered = self._dead_letter_queue("Undelivered")
        self.dead_letters = self._dead_letter_queue("DeadLetters")
        self.queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=visibility,
            retention_period=KEPT,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_RECEIVES),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        self.rule = self._rule("Rule", pattern=pattern)

        acknowledge(
            self.undelivered, {"AwsSolutions-SQS3": "It is the dead-letter queue of the rule's target."}
        )

        alarms.add(
            f"{construct_id}Undelivered",
            metric=_messages_in(self.undelivered),
            threshold=1,
            why="EventBridge could not deliver an event to the queue.",
            runbook="undelivered-events",
        )
        alarms.add(
            f"{construct_id}DeadLetters",
            metric=_messages_in(self.dead_letters),
            threshold=1,
            why=f"A message failed {MAX_RECEIVES} times and is in the dead-letter queue.",
            runbook="dead-letters",
        )
        alarms.add(
            f"{construct_id}Age",
            metric=self.queue.metric_approximate_age_of_oldest_message(period=PERIOD, statistic="Maximum"),
            # A message ages during an attempt too. SQS leaves out messages that were received three times.
            threshold=(longest_attempt or visibility).to_seconds() + MAX_AGE.to_seconds(),
            why=f"The oldest message is {MAX_AGE.to_minutes():.0f} minutes older than one attempt explains.",
            runbook="old-messages",
        )

    def add_schedule(self, construct_id: str, interval: cdk.Duration) -> None:
        """Send an event on a schedule as well."""
        self._rule(construct_id, schedule=events.Schedule.rate(interval))

    def _rule(
        self,
        construct_id: str,
        *,
        pattern: events.EventPattern | None = None,
        schedule: events.Schedule | None = None,
    ) -> events.Rule:
        rule = events.Rule(self, construct_id, event_pattern=pattern, schedule=schedule)
        rule.add_target(targets.SqsQueue(self.queue, dead_letter_queue=self.undelivered))
        return rule

    def _dead_letter_queue(self, construct_id: str) -> sqs.Queue:
        return sqs.Queue(
            self,
            construct_id,
            retention_period=KEPT_DEAD,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )


def of_function(timeout: cdk.Duration) -> cdk.Duration:
    """Return the visibility timeout for a function's queue: six times its timeout, as AWS recommends.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    return cdk.Duration.seconds(timeout.to_seconds() * 6)


def _messages_in(queue: sqs.Queue) -> cloudwatch.Metric:
    return queue.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="Maximum")
