"""A log group with a fixed retention."""

import aws_cdk as cdk
import aws_cdk.aws_logs as logs
from constructs import Construct

from stacks.settings import Settings


class LogGroup(logs.LogGroup):
    """A week in a sandbox, deleted with the stack; three months in production, where it is kept."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        days, removal = (
            (logs.RetentionDays.THREE_MONTHS, cdk.RemovalPolicy.RETAIN)
            if settings.is_production
            else (logs.RetentionDays.ONE_WEEK, cdk.RemovalPolicy.DESTROY)
        )
        super().__init__(scope, construct_id, retention=days, removal_policy=removal)
