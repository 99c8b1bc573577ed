"""Permissions of roles, spelled out: CDK's `grant_read` and `grant_write` add wildcards."""

from collections.abc import Mapping, Sequence

import aws_cdk.aws_iam as iam
from constructs import IConstruct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.private_bucket import PrivateBucket


def allow(
    who: iam.IGrantable,
    actions: Sequence[str],
    *resources: str,
    conditions: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Allow actions on resources, each an ARN or "*"."""
    iam.Grant.add_to_principal(
        grantee=who, actions=list(actions), resource_arns=list(resources), conditions=conditions
    )


def allow_objects(who: iam.IGrantable, bucket: PrivateBucket, actions: Mapping[str, Sequence[str]]) -> None:
    """Allow each action on objects whose keys begin with one of its prefixes; "" matches every key."""
    arn = bucket.bucket_arn
    for action, prefixes in actions.items():
        allow(who, [action], *(f"{arn}/{prefix}*" for prefix in prefixes))
    reason = "IAM can name the objects under a prefix only with a wildcard."
    named = dict.fromkeys(prefix for prefixes in actions.values() for prefix in prefixes)
    rules = (f"AwsSolutions-IAM5[Resource::<{bucket.logical_id}.Arn>/{prefix}*]" for prefix in named)
    acknowledge(default_policy(who), dict.fromkeys(rules, reason))


def default_policy(who: iam.IGrantable) -> IConstruct:
    """Return the role's default policy, which CDK creates when the first statement is added."""
    role = who if isinstance(who, iam.Role) else who.grant_principal
    assert isinstance(role, iam.Role)
    return role.node.find_child("DefaultPolicy")
