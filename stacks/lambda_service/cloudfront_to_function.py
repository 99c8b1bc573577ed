"""CloudFront in front of a private function URL."""

from pathlib import Path

import aws_cdk as cdk
import aws_cdk.aws_cloudfront as cloudfront
import aws_cdk.aws_cloudfront_origins as origins
import aws_cdk.aws_lambda as lambda_
from constructs import Construct

from stacks.constructs.cloudfront_name import cloudfront_name
from stacks.constructs.image_distribution import ImageDistribution
from stacks.constructs.partition import warn_in_unsupported_regions
from stacks.settings import Settings

REWRITE = Path(__file__).with_name("rewrite.js")
HOST = "x-forwarded-host"
INVOKE = "lambda:InvokeFunction"


WITHOUT_FUNCTION_URLS = {
    *("ap-east-2", "ap-south-2", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
    *("ca-west-1", "eu-central-2", "eu-south-2", "il-central-1", "me-central-1"),
}
"""Regions as of 2026-11: https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html"""


class CloudFrontToFunction(Construct):
    """Viewer -> CloudFront (HTTPS) -> function URL of an alias, signed by origin access control.

    distribution: CloudFront's. The function gets the requested host name in a header: an environment variable
        that holds it would make function, URL and distribution depend on each other.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alias: lambda_.Alias,
        timeout: cdk.Duration,
        settings: Settings,
    ) -> None:
        super().__init__(scope, construct_id)
        warn_in_unsupported_regions(self, "a distribution with a function URL", lacking=WITHOUT_FUNCTION_URLS)
        url = alias.add_function_url(auth_type=lambda_.FunctionUrlAuthType.AWS_IAM)
        access = cloudfront.FunctionUrlOriginAccessControl(
            self, "Access", origin_access_control_name=cloudfront_name(self, "Access")
        )
        rewrite = cloudfront.Function(
            self,
            "Rewrite",
            function_name=cloudfront_name(self, "Rewrite"),
            comment="Passes on the viewer's host and path",
            code=cloudfront.FunctionCode.from_inline(REWRITE.read_text()),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )
        self.distribution = ImageDistribution(
            self,
            "Distribution",
            origin=origins.FunctionUrlOrigin.with_origin_access_control(
                url, origin_access_control=access, read_timeout=timeout
            ),
            comment="IIIF image service, by a function",
            settings=settings,
            headers=[HOST],
            rewrite=rewrite,
        )
        # CDK grants both actions too, but on the function ARN that the URL returns, which may lack the alias.
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
        for action in ("lambda:InvokeFunctionUrl", INVOKE):
            lambda_.CfnPermission(
                self,
                f"May{action.removeprefix('lambda:')}",
                action=action,
                principal="cloudfront.amazonaws.com",
                function_name=alias.function_arn,
                source_arn=self.distribution.distribution_arn,
                invoked_via_function_url=True if action == INVOKE else None,
            )
