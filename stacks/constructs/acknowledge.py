"""What a security check says and we do not follow, with the reason, on the one resource that it is about."""

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledges rules (of cdk-nag, say) for the CloudFormation resource of `construct` and no other.

    reasons: why, by the id of the rule.
    """
    resource = construct.node.default_child
    assert isinstance(resource, cdk.CfnResource), f"{construct.node.path} is not one resource"
    acknowledged = (cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items())
    cdk.Validations.of(resource).acknowledge(*acknowledged)
