"""The AWS partitions in which a pattern can be deployed."""

import os
import re

import aws_cdk as cdk
from constructs import Construct

OTHERS = re.compile(r"cn-|us-gov-|us-iso[a-z]*-|eu-isoe-|eusc-")
"""Prefixes of Regions outside the partition `aws`; a test compares them with botocore."""


def warn_in_other_partitions(scope: Construct, needs: str) -> None:
    """Make every `cdk` command warn that this stack cannot be deployed in China, GovCloud and the like.

    There, CloudFormation refuses it before it makes anything, since it does not know the types:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html.
    It is no error of the app, which would keep the other stacks from being deployed too. The CDK CLI tells
    the app the Region of the credentials in CDK_DEFAULT_REGION.
    """
    region = os.environ.get("CDK_DEFAULT_REGION", "")
    if OTHERS.match(region):
        said = f"{cdk.Stack.of(scope).node.id} needs {needs}, which {region} does not have."
        cdk.Annotations.of(scope).add_warning_v2("partition", said)
