"""An S3 bucket without public access or ACLs."""

from functools import cached_property

import aws_cdk as cdk
import aws_cdk.aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.auto_delete_logs import adopt_auto_delete_logs

KEEP_NONCURRENT = cdk.Duration.days(30)


class PrivateBucket(s3.Bucket):
    """A private bucket: TLS 1.2 or newer, encrypted, with a lifecycle; deleted with a sandbox, else retained.

    versioned: overwritten and deleted versions are kept for 30 days, since events name a version.
    expiration: how long an object is kept; None means forever.
    events: whether to send events to EventBridge, set on the bucket itself; CDK's `event_bridge_enabled`
        would add a custom resource with a function and a role.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        retain: bool,
        versioned: bool = False,
        events: bool = False,
        expiration: cdk.Duration | None = None,
        lifecycle_rules: list[s3.LifecycleRule] | None = None,
    ) -> None:
        rules = [s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(1))]
        if expiration:
            rules.append(s3.LifecycleRule(expiration=expiration))
        if versioned:
            rules += [
                s3.LifecycleRule(noncurrent_version_expiration=KEEP_NONCURRENT),
                s3.LifecycleRule(expired_object_delete_marker=True),
            ]
        super().__init__(
            scope,
            construct_id,
            versioned=versioned,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=[*rules, *(lifecycle_rules or [])],
            removal_policy=cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY,
            auto_delete_objects=not retain,
        )
        if not retain:
            adopt_auto_delete_logs(self)
        acknowledge(
            self,
            {"AwsSolutions-S1": "Access logs are best effort and need a bucket; use CloudTrail for audits."},
        )
        if events:
            resource = self.node.default_child
            assert isinstance(resource, s3.CfnBucket)
            to_event_bridge = s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
            resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=to_event_bridge
            )

    @cached_property
    def logical_id(self) -> str:
        """The bucket's logical id in the template."""
        return str(cdk.Stack.of(self).resolve(self.bucket_arn)["Fn::GetAtt"][0])
