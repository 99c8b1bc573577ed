"""Removed results that CloudFront may still have cached: they wait in the job table for the sweep."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from runtime.jobs.table import OPEN_INDEX
from runtime.results import EDGE_SECONDS, version_prefix

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient
    from types_boto3_dynamodb.service_resource import Table

REMOVED = "removed"
"""The partition for removals in the table's index `open`, beside those for waiting and active jobs."""
AT_ONCE = 15
"""Maximum wildcard paths that a distribution invalidates at a time:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
"""


@dataclass(frozen=True, kw_only=True)
class Removals:
    """Removals in the job table. table: its boto3 resource. clock: seconds since 1970."""

    table: "Table"
    clock: Callable[[], float] = time.time

    def add(self, job_id: str) -> None:
        """Record that a job's results are removed; if that is recorded twice, the later time counts."""
        self.table.put_item(
            Item={
                "job_id": f"{REMOVED}/{job_id}",
                "queue": REMOVED,
                "due": int(self.clock()),
                "expires_at": int(self.clock()) + EDGE_SECONDS,
            }
        )

    def invalidate(self, cloudfront: "CloudFrontClient", distribution: str) -> int:
        """Ask the distribution to invalidate paths of the oldest removals, in one request; return how many.

        A refused request changes nothing here, and the next sweep repeats it. CloudFront makes one
        invalidation for all requests with the same caller reference. Raises botocore's errors.

        https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html
        """
        still_there = Key("queue").eq(REMOVED) & Key("due").gt(int(self.clock()) - EDGE_SECONDS)
        found = self.table.query(IndexName=OPEN_INDEX, KeyConditionExpression=still_there, Limit=AT_ONCE)[
            "Items"
        ]
        if not found:
            return 0
        due = {str(item["job_id"]): str(item["due"]) for item in found}
        told = sorted(f"{key} {at}" for key, at in due.items())
        paths = sorted(f"/{version_prefix(key.partition('/')[2])}*" for key in due)
        cloudfront.create_invalidation(
            DistributionId=distribution,
            InvalidationBatch={
                "Paths": {"Quantity": len(paths), "Items": paths},
                "CallerReference": hashlib.sha256("\n".join(told).encode()).hexdigest(),
            },
        )
        for key, at in due.items():
            self._forget(key, int(at))
        return len(due)

    def _forget(self, key: str, due: int) -> None:
        """Delete an entry unless the job's results were removed again in the meantime."""
        try:
            self.table.delete_item(Key={"job_id": key}, ConditionExpression=Attr("due").eq(due))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
