"""What a security check says and we do not follow, with the reason, on the one resource that it is about."""

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledges one rule (of cdk-nag, say) for the CloudFormation resource of `construct` and no other."""
    resource = construct.node.default_child
    assert isinstance(resource, cdk.CfnResource), f"{construct.node.path} is not one resource"
    cdk.Validations.of(resource).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))
