"""CloudFront in front of a private bucket of tiles."""

import aws_cdk as cdk
import aws_cdk.aws_cloudfront as cloudfront
import aws_cdk.aws_cloudfront_origins as origins
import aws_cdk.aws_iam as iam
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.cloudfront_name import cloudfront_name
from stacks.constructs.partition import warn_in_unsupported_regions
from stacks.constructs.private_bucket import PrivateBucket

ERRORS_KEPT = cdk.Duration.seconds(5)
NO_PAGE = "no-index"


class TileDistribution(cloudfront.Distribution):
    """Public results (`v/...`) with CORS, and 404 for a tile that does not exist. url: their base address."""

    def __init__(self, scope: Construct, construct_id: str, *, bucket: PrivateBucket) -> None:
        warn_in_unsupported_regions(scope, "a distribution with origin access control")
        access = cloudfront.S3OriginAccessControl(
            scope,
            f"{construct_id}Access",
            origin_access_control_name=cloudfront_name(scope, f"{construct_id}Access"),
        )
        super().__init__(
            scope,
            construct_id,
            comment="IIIF tiles",
            default_behavior=cloudfront.BehaviorOptions(
                # With LIST, a missing tile gives 404 instead of 403
                # (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html). READ would allow every
                # object, including the pointers of all keys; the policy below allows only v/.
                origin=origins.S3BucketOrigin.with_origin_access_control(
                    bucket,
                    origin_access_control=access,
                    origin_access_levels=[cloudfront.AccessLevel.LIST],
                ),
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                response_headers_policy=cloudfront.ResponseHeadersPolicy.CORS_ALLOW_ALL_ORIGINS_AND_SECURITY_HEADERS,
                compress=False,
            ),
            # Otherwise "/" would list the bucket.
            default_root_object=NO_PAGE,
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=ERRORS_KEPT)
                for status in (403, 404, 500, 502, 503, 504)
            ],
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
        )
        cdk.Annotations.of(self).acknowledge_warning(
            "@aws-cdk/aws-cloudfront-origins:listBucketSecurityRisk", "It has a default root object."
        )
        self.url = f"https://{self.distribution_domain_name}"
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudfront.amazonaws.com")],
                actions=["s3:GetObject"],
                resources=[bucket.arn_for_objects("v/*")],
                conditions={"StringEquals": {"AWS:SourceArn": self.distribution_arn}},
            )
        )
        reasons = {
            "AwsSolutions-CFR1": "The tiles are public in every country.",
            "AwsSolutions-CFR2": "Static files: a web ACL would cost more than the requests that it blocks.",
            "AwsSolutions-CFR3": "Public static files; logs of every tile request would be billed.",
            "AwsSolutions-CFR4": "AWS sets the minimum TLS version of the default certificate.",
        }
        acknowledge(self, reasons)
