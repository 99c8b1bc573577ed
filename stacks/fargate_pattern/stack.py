"""Pattern 2, Fargate: a long-running image service behind CloudFront."""

import aws_cdk as cdk
import aws_cdk.aws_ecs as ecs
from constructs import Construct

from container.service.environment import ServiceEnvironment
from stacks.constructs.alarms import Alarms
from stacks.constructs.grants import allow, allow_objects
from stacks.constructs.private_bucket import PrivateBucket
from stacks.fargate_pattern.cloudfront_to_alb import CloudFrontToAlb
from stacks.fargate_pattern.http_service import HttpService
from stacks.fargate_pattern.service_alarms import watch_service
from stacks.fargate_pattern.size import service_size
from stacks.fargate_pattern.zones import refuse_zones_without_vpc_origins
from stacks.network import Network
from stacks.settings import Settings


class FargatePattern(cdk.Stack):
    """CloudFront -> VPC origin -> internal load balancer -> service -> source bucket, read only.

    distribution: CloudFront's.
    """

    def __init__(self, scope: Construct, construct_id: str, *, network: Network, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description="Fargate pattern: a IIIF image service",
        )
        refuse_zones_without_vpc_origins(self, settings.zone_ids)
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)
        size = service_size(settings)

        source = PrivateBucket(self, "Source", versioned=True, retain=settings.is_production)
        front = CloudFrontToAlb(self, "FrontDoor", network=network, settings=settings)
        self.distribution = front.distribution
        service = HttpService(
            self,
            "Service",
            size=size,
            environment=ServiceEnvironment(
                source_bucket=source.bucket_name,
                public_base_url=front.distribution.url,
                metrics_namespace=self.stack_name,
                max_pixels=settings.max_pixels,
                max_bytes=settings.max_bytes,
                # A small task sees two processors but gets at most one's time. Decoding the largest image
                # takes a gigabyte (docs/benchmarks.md), which cache_mb and spare_mb leave free.
                workers=1,
                # At least 640 MiB: the largest file, 100 MiB, and its 100 million pixels at 5.3 bytes each.
                cache_mb=size.memory_mb * 5 // 16,
                spare_mb=size.memory_mb // 8,
            ).as_variables(),
            network=network,
            listener=front.listener,
            settings=settings,
        )
        allow_objects(service.task_definition.task_role, source, {"s3:GetObject": [""]})
        # With s3:ListBucket, a missing object gives 404 instead of 403:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        allow(service.task_definition.task_role, ["s3:ListBucket"], source.bucket_arn)
        watched = watch_service(alarms, front.load_balancer, service, size)
        if settings.deployments == "canary":
            service.enable_deployment_alarms(watched, behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM)

        cdk.CfnOutput(self, "SourceBucket", value=source.bucket_name, description="Upload images here")
        cdk.CfnOutput(self, "Url", value=front.distribution.url, description="Add /iiif/3/NAME/info.json")
        name = front.distribution.distribution_domain_name
        cdk.CfnOutput(self, "DistributionName", value=name, description="Target of your domain's DNS record")
        cdk.CfnOutput(self, "ClusterName", value=service.cluster.cluster_name)
        cdk.CfnOutput(self, "ServiceName", value=service.service_name)
        cdk.CfnOutput(self, "LogGroup", value=service.log_group.log_group_name)
