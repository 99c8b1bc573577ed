"""The records of jobs."""

import aws_cdk.aws_dynamodb as dynamodb
import aws_cdk.aws_iam as iam
from constructs import Construct

from stacks.constructs.grants import allow
from stacks.constructs.on_demand_table import OnDemandTable

OPEN_INDEX = "open"
"""runtime/jobs/table.py asks by this name; a test compares."""


class JobTable(OnDemandTable):
    """One item per job; the index holds only those that have not ended. Ended jobs expire by themselves.

    index_arn: what a query of the index is allowed on.
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

    def allow_working(self, who: iam.IGrantable) -> None:
        """To begin a job, tell of its progress and end it."""
        allow(who, ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], self.table_arn)
