"""Where a pattern can stand at all."""

import aws_cdk as cdk
from constructs import Construct


def refuse_other_partitions(scope: Construct, needs: str) -> None:
    """Makes CloudFormation refuse the stack with a sentence outside of the partition `aws`.

    China and GovCloud lack what it needs: their lists of CloudFormation's types name neither VPC origins nor
    origin access controls (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html).
    """
    here = cdk.Fn.condition_equals(cdk.Aws.PARTITION, "aws")
    described = f"{cdk.Stack.of(scope).node.id} needs {needs}, which China and GovCloud do not have."
    assertion = cdk.CfnRuleAssertion(assert_=here, assert_description=described)
    cdk.CfnRule(scope, "Partition", assertions=[assertion])
