"""The table of job records."""

import aws_cdk.aws_dynamodb as dynamodb
import aws_cdk.aws_iam as iam
from constructs import Construct

from stacks.constructs.grants import allow
from stacks.constructs.on_demand_table import OnDemandTable

OPEN_INDEX = "open"
"""Name of the index that runtime/jobs/table.py queries; a test compares it with the name there."""


class JobTable(OnDemandTable):
    """One item per job or removed result. The index holds open jobs and removals; ended jobs expire.

    index_arn: resource for grants to query the index.
    """

    def __init__(self, scope: Construct, construct_id: str, *, retain: bool) -> None:
        super().__init__(scope, construct_id, partition_key="job_id", retain=retain)
        # Sparse: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-indexes-general-sparse-indexes.html
        self.add_global_secondary_index(
            index_name=OPEN_INDEX,
            partition_key=dynamodb.Attribute(name="queue", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="due", type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        self.index_arn = f"{self.table_arn}/index/{OPEN_INDEX}"

    def grant_working(self, who: iam.IGrantable) -> None:
        """Allow beginning a job, reporting its progress and ending it."""
        allow(who, ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], self.table_arn)
