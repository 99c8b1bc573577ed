"""What a function may do, written out: CDK's `grant_read` and `grant_write` bring wildcards."""

from collections.abc import Sequence

import aws_cdk as cdk
import aws_cdk.aws_iam as iam
import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_s3 as s3
from constructs import IConstruct

from stacks.constructs.acknowledge import acknowledge


def allow(function: lambda_.Function, actions: Sequence[str], *resources: str) -> None:
    """Allows actions on whole resources."""
    function.add_to_role_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))


def allow_objects(
    function: lambda_.Function, actions: Sequence[str], bucket: s3.Bucket, *prefixes: str
) -> None:
    """Allows actions on the objects whose keys begin with one of the prefixes; "" is all of them."""
    allow(function, actions, *(bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes))
    bucket_id = cdk.Stack.of(bucket).resolve(bucket.bucket_arn)["Fn::GetAtt"][0]
    for prefix in prefixes:
        acknowledge(
            policy_of(function),
            f"AwsSolutions-IAM5[Resource::<{bucket_id}.Arn>/{prefix}*]",
            "Objects under a prefix have no other name in IAM.",
        )


def policy_of(function: lambda_.Function) -> IConstruct:
    """The policy that CDK makes for the role with its first statement."""
    assert function.role
    return function.role.node.find_child("DefaultPolicy")
