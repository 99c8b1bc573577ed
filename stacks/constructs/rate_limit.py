"""A web ACL that blocks clients that send too many requests."""

import aws_cdk as cdk
import aws_cdk.aws_wafv2 as waf
from constructs import Construct

REQUESTS, SECONDS = 10_000, 300
"""Maximum requests per IP address, and the window in seconds.

A viewer session takes about 200 tiles; a school may share an address.
"""


class RateLimit(Construct):
    """A web ACL for CloudFront with one rate-based rule. arn: ARN of the web ACL.

    Costs $5 a month, plus $1 for its rule and $0.60 per million requests: https://aws.amazon.com/waf/pricing/
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        # https://docs.aws.amazon.com/waf/latest/APIReference/API_CreateWebACL.html
        cdk.CfnRule(
            self,
            "Region",
            assertions=[
                cdk.CfnRuleAssertion(
                    assert_=cdk.Fn.condition_equals(cdk.Aws.REGION, "us-east-1"),
                    assert_description="waf=on: web ACLs for CloudFront must be in us-east-1; deploy there.",
                )
            ],
        )
        limit = waf.CfnWebACL.RateBasedStatementProperty(
            aggregate_key_type="IP", limit=REQUESTS, evaluation_window_sec=SECONDS
        )
        acl = waf.CfnWebACL(
            self,
            "Acl",
            scope="CLOUDFRONT",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible("RateLimit"),
            rules=[
                waf.CfnWebACL.RuleProperty(
                    name="rate",
                    priority=0,
                    action=waf.CfnWebACL.RuleActionProperty(block={}),
                    statement=waf.CfnWebACL.StatementProperty(rate_based_statement=limit),
                    visibility_config=_visible("Rate"),
                )
            ],
        )
        self.arn = acl.attr_arn


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
