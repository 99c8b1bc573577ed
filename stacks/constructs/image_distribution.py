"""CloudFront in front of the image service, wherever that runs."""

from collections.abc import Sequence

import aws_cdk as cdk
import aws_cdk.aws_certificatemanager as acm
import aws_cdk.aws_cloudfront as cloudfront
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.cloudfront_name import cloudfront_name
from stacks.constructs.rate_limit import RateLimit
from stacks.settings import Settings

ERRORS_KEPT = cdk.Duration.seconds(5)
CACHED_ERRORS = (500, 502, 503, 504)
"""Errors for which CloudFront ignores the service's `no-store` (unlike 400 and 404):
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
"""


class ImageDistribution(cloudfront.Distribution):
    """Viewer -> CloudFront (HTTPS) -> origin. url: the address for viewers.

    The cache key is the path and `headers`; for `info.json` also Accept, which selects its media type.
    domain, certificate_arn: a custom domain. rewrite: the CloudFront function that runs before the cache
        lookup.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        origin: cloudfront.IOrigin,
        comment: str,
        settings: Settings,
        headers: Sequence[str] = (),
        domain: str = "",
        certificate_arn: str = "",
        rewrite: cloudfront.Function | None = None,
    ) -> None:
        def behavior(name: str, *more: str) -> cloudfront.BehaviorOptions:
            return _behavior(origin, _cache(scope, name, *headers, *more), rewrite)

        certificate = certificate_arn and acm.Certificate.from_certificate_arn(
            scope, "Certificate", certificate_arn
        )
        limit = RateLimit(scope, "RateLimit") if settings.waf == "on" else None
        super().__init__(
            scope,
            construct_id,
            comment=comment,
            default_behavior=behavior("Images"),
            additional_behaviors={"*/info.json": behavior("Descriptions", "Accept")},
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=ERRORS_KEPT) for status in CACHED_ERRORS
            ],
            domain_names=[domain] if domain else None,
            certificate=certificate or None,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if certificate else None,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            web_acl_id=limit.arn if limit else None,
        )
        self.url = f"https://{domain or self.distribution_domain_name}"
        reasons = {
            "AwsSolutions-CFR1": "The images are public in every country.",
            "AwsSolutions-CFR3": "The origin logs whatever the cache does not answer.",
        }
        if settings.waf == "off":
            reasons["AwsSolutions-CFR2"] = "waf=off: AWS WAF is billed separately."
        if not domain:
            reasons["AwsSolutions-CFR4"] = "AWS sets the minimum TLS version of the default certificate."
        acknowledge(self, reasons)


def _cache(scope: Construct, name: str, *headers: str) -> cloudfront.CachePolicy:
    by = cloudfront.CacheHeaderBehavior
    return cloudfront.CachePolicy(
        scope,
        name,
        cache_policy_name=cloudfront_name(scope, name),
        header_behavior=by.allow_list(*headers) if headers else by.none(),
        query_string_behavior=cloudfront.CacheQueryStringBehavior.none(),
        cookie_behavior=cloudfront.CacheCookieBehavior.none(),
        min_ttl=cdk.Duration.seconds(0),
        default_ttl=cdk.Duration.seconds(0),
        max_ttl=cdk.Duration.days(365),
    )


def _behavior(
    origin: cloudfront.IOrigin, cache: cloudfront.CachePolicy, rewrite: cloudfront.Function | None
) -> cloudfront.BehaviorOptions:
    before_the_cache = cloudfront.FunctionEventType.VIEWER_REQUEST
    return cloudfront.BehaviorOptions(
        origin=origin,
        cache_policy=cache,
        allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD_OPTIONS,
        viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        response_headers_policy=cloudfront.ResponseHeadersPolicy.CORS_ALLOW_ALL_ORIGINS_AND_SECURITY_HEADERS,
        compress=False,
        function_associations=[cloudfront.FunctionAssociation(event_type=before_the_cache, function=rewrite)]
        if rewrite
        else None,
    )
