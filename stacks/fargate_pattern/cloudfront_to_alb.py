"""CloudFront in front of a private load balancer."""

import aws_cdk as cdk
import aws_cdk.aws_cloudfront as cloudfront
import aws_cdk.aws_cloudfront_origins as origins
import aws_cdk.aws_ec2 as ec2
import aws_cdk.aws_elasticloadbalancingv2 as elb
import aws_cdk.aws_iam as iam
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.cloudfront_name import cloudfront_name
from stacks.constructs.image_distribution import ImageDistribution
from stacks.constructs.partition import warn_in_unsupported_regions
from stacks.constructs.private_bucket import PrivateBucket
from stacks.network import Network
from stacks.settings import Settings

PORT = 80
LOGS_KEPT = cdk.Duration.days(30)
ORIGIN_TIMEOUT = cdk.Duration.seconds(30)
"""Above the service's own deadline of 15 s, so that viewers see the service's error."""
KEEP_ALIVE = cdk.Duration.seconds(55)
"""Below the load balancer's idle timeout of 60 s."""


class CloudFrontToAlb(Construct):
    """Viewer -> CloudFront (HTTPS) -> VPC origin -> internal load balancer."""

    def __init__(self, scope: Construct, construct_id: str, *, network: Network, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        warn_in_unsupported_regions(self, "a distribution with a VPC origin")
        group = ec2.SecurityGroup(self, "Group", vpc=network.vpc, allow_all_outbound=False)
        # Requests through a VPC origin have addresses of CloudFront's prefix list, whose id varies by Region.
        # The load balancer is internal, in subnets without a route out: docs/decisions/0008-front-door.md
        group.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(PORT))
        acknowledge(group, {"AwsSolutions-EC23": "An internal load balancer in isolated subnets."})
        self.load_balancer = elb.ApplicationLoadBalancer(
            self,
            "LoadBalancer",
            vpc=network.vpc,
            internet_facing=False,
            vpc_subnets=network.load_balancer,
            security_group=group,
            drop_invalid_header_fields=True,
        )
        self._log(settings)
        self.listener = self.load_balancer.add_listener(
            "Listener", port=PORT, protocol=elb.ApplicationProtocol.HTTP, open=False
        )

        vpc_origin = cloudfront.VpcOrigin(
            self,
            "VpcOrigin",
            endpoint=cloudfront.VpcOriginEndpoint.application_load_balancer(self.load_balancer),
            vpc_origin_name=cloudfront_name(self, "VpcOrigin"),
            http_port=PORT,
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTP_ONLY,
        )
        origin = origins.VpcOrigin.with_vpc_origin(
            vpc_origin,
            domain_name=self.load_balancer.load_balancer_dns_name,
            read_timeout=ORIGIN_TIMEOUT,
            keepalive_timeout=KEEP_ALIVE,
        )
        self.distribution = ImageDistribution(
            self,
            "Distribution",
            origin=origin,
            comment="IIIF image service",
            settings=settings,
            domain=settings.domain,
            certificate_arn=settings.certificate_arn,
        )

    def _log(self, settings: Settings) -> None:
        """Log requests to a separate bucket; CDK's `log_access_logs` needs the Region at synth time."""
        bucket = PrivateBucket(self, "AccessLogs", retain=settings.is_production, expiration=LOGS_KEPT)
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects(f"AWSLogs/{cdk.Aws.ACCOUNT_ID}/*")],
            )
        )
        self.load_balancer.set_attribute("access_logs.s3.enabled", "true")
        self.load_balancer.set_attribute("access_logs.s3.bucket", bucket.bucket_name)
        # The load balancer tests its access when logging is turned on, so it comes after the bucket's policy.
        # On destroy it goes first: it must not write to a bucket that is being emptied.
        self.load_balancer.node.add_dependency(bucket)
