"""Event patterns for changes in a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import aws_cdk.aws_events as events
import aws_cdk.aws_s3 as s3


def uploads(bucket: s3.Bucket) -> events.EventPattern:
    """Match new objects and new versions."""
    return _of(bucket, "Object Created")


def uploads_and_deletions(bucket: s3.Bucket) -> events.EventPattern:
    """Match new objects, new versions and deletions."""
    return _of(bucket, "Object Created", "Object Deleted")


def _of(bucket: s3.Bucket, *kinds: str) -> events.EventPattern:
    return events.EventPattern(
        source=["aws.s3"], detail_type=[*kinds], detail={"bucket": {"name": [bucket.bucket_name]}}
    )
