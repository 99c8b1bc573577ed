"""Suppressed findings of security checks, each with a reason, on the one resource they concern."""

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge rules (of cdk-nag, say) for the CloudFormation resource of `construct` only.

    reasons: the reason for each rule id.
    """
    resource = construct.node.default_child
    assert isinstance(resource, cdk.CfnResource), f"{construct.node.path} is not one resource"
    acknowledged = (cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items())
    cdk.Validations.of(resource).acknowledge(*acknowledged)
