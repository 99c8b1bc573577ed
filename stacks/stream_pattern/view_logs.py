"""Real-time logs of another stack's CloudFront distribution, into the stream."""

import aws_cdk as cdk
import aws_cdk.aws_cloudfront as cloudfront
import aws_cdk.aws_iam as iam
import aws_cdk.aws_kinesis as kinesis

from lambda_src.views.log_lines import FIELDS
from stacks.constructs.cloudfront_name import cloudfront_name
from stacks.constructs.grants import allow

ALL = 100
"""Sampling rate in percent of requests."""


def log_views(distribution: cloudfront.Distribution, stream: kinesis.Stream) -> None:
    """Make the distribution's default behavior log every request, cache hits included.

    The image service's other behavior serves info.json, which is not a view. The log configuration is in the
    distribution's own stack, so turning `views` off detaches it before deleting it.
    """
    stack = cdk.Stack.of(distribution)
    role = iam.Role(stack, "ViewLogsRole", assumed_by=iam.ServicePrincipal("cloudfront.amazonaws.com"))
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/real-time-logs.html
    actions = ("DescribeStream", "DescribeStreamSummary", "PutRecord", "PutRecords")
    allow(role, [f"kinesis:{action}" for action in actions], stream.stream_arn)
    into = cloudfront.CfnRealtimeLogConfig.KinesisStreamConfigProperty(
        role_arn=role.role_arn, stream_arn=stream.stream_arn
    )
    logs = cloudfront.CfnRealtimeLogConfig(
        stack,
        "ViewLogs",
        name=cloudfront_name(distribution, "ViewLogs"),
        fields=list(FIELDS),
        sampling_rate=ALL,
        end_points=[
            cloudfront.CfnRealtimeLogConfig.EndPointProperty(
                stream_type="Kinesis", kinesis_stream_config=into
            )
        ],
    )
    logs.node.add_dependency(role)  # CloudFront tests it when the configuration is created
    resource = distribution.node.default_child
    assert isinstance(resource, cloudfront.CfnDistribution)
    # CDK's Distribution takes the ARN only in its constructor, and the stacks that call it know no stream.
    place = "DistributionConfig.DefaultCacheBehavior.RealtimeLogConfigArn"
    resource.add_property_override(place, logs.attr_arn)
