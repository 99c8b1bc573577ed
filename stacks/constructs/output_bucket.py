"""The bucket that a pattern publishes to, as docs/contract.md specifies."""

import aws_cdk as cdk
import aws_cdk.aws_iam as iam
import aws_cdk.aws_s3 as s3
from constructs import Construct

from stacks.constructs.grants import allow, allow_objects
from stacks.constructs.private_bucket import KEEP_NONCURRENT, PrivateBucket

REJECTED_KEPT = cdk.Duration.days(90)
TOMBSTONES = KEEP_NONCURRENT.plus(cdk.Duration.days(15))


class OutputBucket(PrivateBucket):
    """A bucket for results, which are kept, and for rejections and tombstones, which expire."""

    def __init__(self, scope: Construct, construct_id: str, *, retain: bool) -> None:
        super().__init__(
            scope,
            construct_id,
            retain=retain,
            lifecycle_rules=[
                s3.LifecycleRule(prefix="rejected/", expiration=REJECTED_KEPT),
                # A tombstone outlives the version that it hides; after that, a late event finds no source.
                s3.LifecycleRule(tag_filters={"state": "deleted"}, expiration=TOMBSTONES),
            ],
        )

    def grant_publishing(self, who: iam.IGrantable, source: PrivateBucket) -> None:
        """Allow what runtime/results.py does to publish versions of objects in `source`."""
        allow_objects(who, source, {"s3:GetObjectVersion": [""]})
        allow_objects(
            who,
            self,
            {
                "s3:PutObject": ["v/", "latest/", "rejected/"],
                "s3:GetObject": ["v/", "latest/"],
                "s3:DeleteObject": ["v/", "rejected/"],
                "s3:PutObjectTagging": ["latest/"],
            },
        )
        # With s3:ListBucket, a missing object gives 404 instead of 403:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        allow(who, ["s3:ListBucket"], source.bucket_arn, self.bucket_arn)
