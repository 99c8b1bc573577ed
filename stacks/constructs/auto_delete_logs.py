"""Log group of the custom-resource function that empties buckets, so that a destroy leaves no log group."""

import aws_cdk as cdk
import aws_cdk.aws_logs as logs
from constructs import Construct

HELPER = "Custom::S3AutoDeleteObjectsCustomResourceProvider"


def adopt_auto_delete_logs(scope: Construct) -> None:
    """Make the log group part of the stack, once per stack.

    Otherwise Lambda creates one that never expires and that no stack deletes.
    """
    stack = cdk.Stack.of(scope)
    children = stack.node
    if children.try_find_child("HelperLogs"):
        return
    helper = children.find_child(HELPER)
    group = logs.LogGroup(
        stack,
        "HelperLogs",
        retention=logs.RetentionDays.ONE_WEEK,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    handler = helper.node.find_child("Handler")
    assert isinstance(handler, cdk.CfnResource)
    handler.add_property_override("LoggingConfig.LogGroup", group.log_group_name)
