"""Pattern 4, the stream: a function counts views of images as their records arrive in a stream."""

import aws_cdk as cdk
import aws_cdk.aws_cloudfront as cloudfront
import aws_cdk.aws_kinesis as kinesis
from constructs import Construct

from stacks.constructs.alarms import Alarms
from stacks.constructs.on_demand_table import OnDemandTable
from stacks.constructs.private_bucket import PrivateBucket
from stacks.settings import Settings
from stacks.stream_pattern.view_logs import log_views
from stacks.stream_pattern.views import Views

SET_ASIDE_KEPT = cdk.Duration.days(90)
MODES = {"provisioned": kinesis.StreamMode.PROVISIONED, "on-demand": kinesis.StreamMode.ON_DEMAND}


class StreamPattern(cdk.Stack):
    """Kinesis stream -> event source mapping -> function -> views per image and minute in a table.

    Records that are malformed or keep failing are set aside in a bucket with the reason.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description="Stream pattern: views of images from CloudFront's real-time logs",
        )
        self._settings = settings
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)

        self._stream = kinesis.Stream(
            self,
            "Stream",
            stream_mode=MODES[settings.stream],
            shard_count=1 if settings.stream == "provisioned" else None,
            retention_period=cdk.Duration.hours(24),
            # The AWS managed key, since CloudFront's role would need access to a key of ours as well.
            encryption=kinesis.StreamEncryption.MANAGED,
            removal_policy=cdk.RemovalPolicy.RETAIN if settings.is_production else cdk.RemovalPolicy.DESTROY,
        )
        # Producers in other stacks import it: an export that comes and goes with them can deadlock updates.
        self.export_value(self._stream.stream_arn)
        table = OnDemandTable(
            self, "Views", partition_key="image", sort_key="at", retain=settings.is_production
        )
        set_aside = PrivateBucket(self, "SetAside", retain=settings.is_production, expiration=SET_ASIDE_KEPT)

        function = Views(
            self,
            "Function",
            stream=self._stream,
            table=table,
            set_aside=set_aside,
            settings=settings,
            alarms=alarms,
        )
        # On destroy, the bucket is emptied after its last writer is gone.
        function.node.add_dependency(set_aside)

        cdk.CfnOutput(self, "StreamName", value=self._stream.stream_name, description="Put log lines here")
        cdk.CfnOutput(self, "ViewTable", value=table.table_name, description="Views per image and minute")
        for name, value in {
            "SetAsideBucket": set_aside.bucket_name,
            "FunctionName": function.function_name,
            "EventSourceMapping": function.mapping.event_source_mapping_id,
            "LogGroup": function.log_group.log_group_name,
        }.items():
            cdk.CfnOutput(self, name, value=value)

    def count_views_of(self, *distributions: cloudfront.Distribution) -> None:
        """Count views of images that other stacks serve, whole or as tiles, if `views=on`."""
        for distribution in distributions if self._settings.views == "on" else ():
            log_views(distribution, self._stream)
