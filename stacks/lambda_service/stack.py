"""Pattern 2 as a function: the same image service without a continuously running task."""

import aws_cdk as cdk
from constructs import Construct

from stacks.constructs.alarms import Alarms
from stacks.constructs.private_bucket import PrivateBucket
from stacks.lambda_service.answer_alarms import watch_answers
from stacks.lambda_service.cloudfront_to_function import CloudFrontToFunction
from stacks.lambda_service.iiif_function import TIMEOUT, IiifFunction
from stacks.settings import Settings


class LambdaService(cdk.Stack):
    """CloudFront -> function URL of an alias -> function -> source bucket, read only.

    distribution: CloudFront's.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description="Lambda service: the IIIF image service as a function",
        )
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)

        source = PrivateBucket(self, "Source", versioned=True, retain=settings.is_production)
        function = IiifFunction(self, "Function", source=source, settings=settings, alarms=alarms)
        front = CloudFrontToFunction(
            self, "FrontDoor", alias=function.live, timeout=TIMEOUT, settings=settings
        )
        self.distribution = front.distribution
        watch_answers(alarms, function)

        cdk.CfnOutput(self, "SourceBucket", value=source.bucket_name, description="Upload images here")
        cdk.CfnOutput(self, "Url", value=front.distribution.url, description="Add /iiif/3/NAME/info.json")
        name = front.distribution.distribution_domain_name
        cdk.CfnOutput(self, "DistributionName", value=name, description="CloudFront's own domain name")
        cdk.CfnOutput(self, "FunctionName", value=function.function_name)
        cdk.CfnOutput(self, "LogGroup", value=function.log_group.log_group_name)
