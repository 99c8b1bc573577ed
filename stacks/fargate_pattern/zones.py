"""Availability Zones in which CloudFront does not offer VPC origins."""

from collections.abc import Sequence

import aws_cdk as cdk
from constructs import Construct

WITHOUT_VPC_ORIGINS = {
    "use1-az3": "us-east-1",
    "usw1-az2": "us-west-1",
    "apne1-az3": "ap-northeast-1",
    "apne2-az1": "ap-northeast-2",
    "cac1-az3": "ca-central-1",
}
"""Zone ids, each with its Region, as of 2026-11:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
"""


def refuse_zones_without_vpc_origins(scope: Construct, zone_ids: Sequence[str]) -> None:
    """Make CloudFormation refuse the stack with a clear message before it creates anything.

    Otherwise it fails after ten minutes and takes as long to roll back. Other stacks may use such zones.
    """
    bad = sorted(WITHOUT_VPC_ORIGINS.keys() & set(zone_ids))
    if not bad:
        return
    here = cdk.Fn.condition_equals(cdk.Aws.REGION, WITHOUT_VPC_ORIGINS[bad[0]])
    described = f"zones: CloudFront has no VPC origins in {', '.join(bad)}. Choose other zones of the Region."
    assertion = cdk.CfnRuleAssertion(assert_=cdk.Fn.condition_not(here), assert_description=described)
    cdk.CfnRule(scope, "Zones", assertions=[assertion])
