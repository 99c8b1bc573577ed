"""A log group whose retention depends on the stage."""

import aws_cdk as cdk
import aws_cdk.aws_logs as logs
from constructs import Construct

from stacks.settings import Settings


class LogGroup(logs.LogGroup):
    """A log group that keeps logs for a week in a sandbox and for three months in production.

    A sandbox deletes it with its stack; in production it outlives the stack.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        days, removal = (
            (logs.RetentionDays.THREE_MONTHS, cdk.RemovalPolicy.RETAIN)
            if settings.is_production
            else (logs.RetentionDays.ONE_WEEK, cdk.RemovalPolicy.DESTROY)
        )
        super().__init__(scope, construct_id, retention=days, removal_policy=removal)
