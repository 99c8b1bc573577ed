"""What a function or a task may do, written out: CDK's `grant_read` and `grant_write` bring wildcards."""

from collections.abc import Sequence

import aws_cdk as cdk
import aws_cdk.aws_iam as iam
import aws_cdk.aws_s3 as s3
from constructs import IConstruct

from stacks.constructs.acknowledge import acknowledge


def allow(who: iam.IGrantable, actions: Sequence[str], *resources: str) -> None:
    """Allows actions on whole resources."""
    who.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(actions=list(actions), resources=list(resources))
    )


def allow_objects(who: iam.IGrantable, actions: Sequence[str], bucket: s3.Bucket, *prefixes: str) -> None:
    """Allows actions on the objects whose keys begin with one of the prefixes; "" is all of them."""
    allow(who, actions, *(bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes))
    bucket_id = cdk.Stack.of(bucket).resolve(bucket.bucket_arn)["Fn::GetAtt"][0]
    for prefix in prefixes:
        acknowledge(
            policy_of(who),
            f"AwsSolutions-IAM5[Resource::<{bucket_id}.Arn>/{prefix}*]",
            "Objects under a prefix have no other name in IAM.",
        )


def policy_of(who: iam.IGrantable) -> IConstruct:
    """The policy that CDK makes for the role with its first statement."""
    role = who.grant_principal
    assert isinstance(role, iam.Role)
    return role.node.find_child("DefaultPolicy")
