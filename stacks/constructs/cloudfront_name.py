"""Names of what CloudFront keeps once per account, for all Regions together."""

import aws_cdk as cdk
from constructs import Construct


def cloudfront_name(scope: Construct, name: str) -> str:
    """`name`, unique within the stack, made unique within the account by the stack's name and the Region.

    So the app can stand twice in a Region, and in two Regions. At most 64 characters, as CloudFront allows:
    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_OriginAccessControlConfig.html
    """
    return f"{cdk.Stack.of(scope).stack_name}-{name}-{cdk.Aws.REGION}"
