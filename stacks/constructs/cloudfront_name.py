"""Names of CloudFront resources, which must be unique within the account across all Regions."""

import aws_cdk as cdk
from constructs import Construct


def cloudfront_name(scope: Construct, name: str) -> str:
    """Return a name that is unique within the account: the stack's name, `name` and the Region.

    So the app can be deployed to several Regions, and with several prefixes to one.

    name: unique within the stack, at most 12 characters. With the longest prefix, stack and Region the result
    has 64 characters, CloudFront's limit:
    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_OriginAccessControlConfig.html
    """
    return f"{cdk.Stack.of(scope).stack_name}-{name}-{cdk.Aws.REGION}"
