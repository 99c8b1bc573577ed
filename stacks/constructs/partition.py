"""A warning in Regions in which a stack cannot be deployed."""

import os
import re
from collections.abc import Container

import aws_cdk as cdk
from constructs import Construct

OTHERS = re.compile(r"cn-|us-gov-|us-iso[a-z]*-|eu-isoe-|eusc-")
"""Prefixes of Regions outside the partition `aws`; a test compares them with botocore."""


def warn_in_unsupported_regions(scope: Construct, needs: str, *, lacking: Container[str] = ()) -> None:
    """Make `cdk` commands warn, in China, GovCloud and the like, that this stack cannot be deployed there.

    CloudFormation there lacks resource types of the stack, and so refuses it before creating anything:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html
    An error instead of a warning would keep the other stacks from being deployed too. The CDK CLI passes the
    Region to the app in CDK_DEFAULT_REGION.

    lacking: Regions of the partition `aws` in which it cannot be deployed either.
    """
    region = os.environ.get("CDK_DEFAULT_REGION", "")
    if OTHERS.match(region) or region in lacking:
        said = f"{cdk.Stack.of(scope).node.id} needs {needs}, which {region} does not have."
        cdk.Annotations.of(scope).add_warning_v2("partition", said)
