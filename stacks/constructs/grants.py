"""Permissions of a function or a task, spelled out: CDK's `grant_read` and `grant_write` add wildcards."""

from collections.abc import Mapping, Sequence

import aws_cdk.aws_iam as iam
from constructs import IConstruct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.private_bucket import PrivateBucket


def allow(who: iam.IGrantable, actions: Sequence[str], *resources: str) -> None:
    """Allow actions on whole resources."""
    role_of(who).add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))


def allow_objects(who: iam.IGrantable, bucket: PrivateBucket, actions: Mapping[str, Sequence[str]]) -> None:
    """Allow each action on objects whose keys begin with one of its prefixes; "" matches every key."""
    for action, prefixes in actions.items():
        allow(who, [action], *(bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes))
    reason = "Objects under a prefix have no other name in IAM."
    named = dict.fromkeys(prefix for prefixes in actions.values() for prefix in prefixes)
    rules = (f"AwsSolutions-IAM5[Resource::<{bucket.logical_id}.Arn>/{prefix}*]" for prefix in named)
    acknowledge(default_policy(who), dict.fromkeys(rules, reason))


def role_of(who: iam.IGrantable) -> iam.Role:
    """Return the role whose policy gets the statements."""
    role = who.grant_principal
    assert isinstance(role, iam.Role)
    return role


def default_policy(who: iam.IGrantable) -> IConstruct:
    """Return the default policy that CDK makes for the role with its first statement."""
    return role_of(who).node.find_child("DefaultPolicy")
