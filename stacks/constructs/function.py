"""A Lambda function in any language, with its own role, log group and alarms."""

from collections.abc import Mapping

import aws_cdk as cdk
import aws_cdk.aws_iam as iam
import aws_cdk.aws_lambda as lambda_
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.alarms import PERIOD, Alarms
from stacks.constructs.grants import default_policy
from stacks.constructs.log_group import LogGroup
from stacks.settings import Settings

NEAR_TIMEOUT = 0.8


class Function(lambda_.Function):
    """A function for the CPU architecture that the settings name.

    Its role may write to its own log group and send traces, and nothing else until the stack grants it:
    the managed policy that CDK attaches by default would let it create any log group in the account.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        runtime: lambda_.Runtime,
        code: lambda_.Code,
        handler: str,
        description: str,
        timeout: cdk.Duration,
        memory_size: int,
        environment: Mapping[str, str],
        settings: Settings,
        alarms: Alarms,
        ephemeral_storage: cdk.Size | None = None,
        snap_start: lambda_.SnapStartConf | None = None,
    ) -> None:
        log_group = LogGroup(scope, f"{construct_id}Logs", settings=settings)
        role = iam.Role(scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        super().__init__(
            scope,
            construct_id,
            description=description,
            runtime=runtime,
            architecture=lambda_.Architecture.custom(settings.architecture),
            code=code,
            handler=handler,
            timeout=timeout,
            memory_size=memory_size,
            ephemeral_storage_size=ephemeral_storage,
            snap_start=snap_start,
            role=role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
            environment=dict(environment),
        )
        acknowledge(
            default_policy(self),
            {"AwsSolutions-IAM5[Resource::*]": "X-Ray's actions have no resource-level permissions."},
        )
        alarms.add(
            f"{construct_id}Errors",
            metric=self.metric_errors(period=PERIOD),
            threshold=1,
            evaluation_periods=6,
            datapoints_to_alarm=2,
            why="The function failed in at least two of six five-minute periods.",
            runbook="function-errors",
        )
        alarms.add(
            f"{construct_id}Throttles",
            metric=self.metric_throttles(period=PERIOD),
            threshold=1,
            evaluation_periods=3,
            why="The function has been throttled for fifteen minutes: the account's concurrency is used up.",
            runbook="function-throttled",
        )
        alarms.add(
            f"{construct_id}Duration",
            metric=self.metric_duration(period=PERIOD, statistic="Maximum"),
            threshold=timeout.to_milliseconds() * NEAR_TIMEOUT,
            why=f"An invocation took at least {NEAR_TIMEOUT:.0%} of the timeout.",
            runbook="function-slow",
        )
