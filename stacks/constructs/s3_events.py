"""Which events of a bucket a pattern listens to."""

import aws_cdk.aws_events as events
import aws_cdk.aws_s3 as s3


def uploads_and_deletions(bucket: s3.Bucket) -> events.EventPattern:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    return events.EventPattern(
        source=["aws.s3"],
        detail_type=["Object Created", "Object Deleted"],
        detail={"bucket": {"name": [bucket.bucket_name]}},
    )
