"""Where a pattern can stand at all."""

import os
import re

import aws_cdk as cdk
from constructs import Construct

OTHERS = re.compile(r"cn-|us-gov-|us-iso[a-z]*-|eu-isoe-|eusc-")
"""How Regions outside of the partition `aws` begin; a test compares with botocore."""


def refuse_other_partitions(scope: Construct, needs: str) -> None:
    """Makes `cdk deploy` refuse this stack, and no other, with a sentence in China, GovCloud and the like.

    Their CloudFormation lacks the types (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html).
    The CDK CLI tells the app the Region of the credentials by CDK_DEFAULT_REGION.
    """
    region = os.environ.get("CDK_DEFAULT_REGION", "")
    if OTHERS.match(region):
        stack = cdk.Stack.of(scope).node.id
        cdk.Annotations.of(scope).add_error(f"{stack} needs {needs}, which {region} does not have.")
