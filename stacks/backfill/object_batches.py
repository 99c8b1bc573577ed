"""A Step Functions state machine that lists a bucket and calls a function with batches of its objects."""

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_iam as iam
import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_stepfunctions as sfn
import aws_cdk.aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.alarms import PERIOD
from stacks.constructs.grants import allow, allow_objects, default_policy
from stacks.constructs.private_bucket import PrivateBucket

A_BATCH = 40
"""Objects per batch. Even the longest keys fit into a child execution's input of 256 KiB.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""
REPORTS = "runs/"
OF_AN_OBJECT = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
"""Actions on objects that a ResultWriter needs:
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""
TRACES = ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")


class ObjectBatches(Construct):
    """A Distributed Map over the keys under a prefix, one batch after another.

    Its input has `prefix`, and `at_once`, the maximum number of objects in progress in the pattern.

    The function gets `{"BatchInput": {"at_once": 2}, "Items": [{"key": "a.jpg"}, ...]}` and answers in the
    same shape. It is called again with its answer until one has no Items; the report has that last answer.

    source: the name of the bucket to list. reports: the bucket for reports.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: str,
        function: lambda_.Function,
        reports: PrivateBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        bucket = s3.Bucket.from_bucket_name(self, "Source", source)
        objects = sfn.DistributedMap(
            self,
            "Objects",
            label="Objects",
            max_concurrency=1,  # each batch checks how much room is left
            item_reader=sfn.S3ObjectsItemReader(bucket=bucket, prefix=sfn.JsonPath.string_at("$.prefix")),
            item_selector={"key": sfn.JsonPath.string_at("$$.Map.Item.Value.Key")},
            item_batcher=sfn.ItemBatcher(
                max_items_per_batch=A_BATCH,
                batch_input={"at_once.$": "$.at_once"},  # CDK passes paths through
            ),
            result_writer_v2=sfn.ResultWriterV2(
                bucket=reports,
                prefix=REPORTS.rstrip("/"),
                writer_config=sfn.WriterConfig(  # one line per answer: a report may be large
                    transformation=sfn.Transformation.COMPACT, output_type=sfn.OutputType.JSONL
                ),
            ),
            tolerated_failure_percentage=10,
        )
        objects.item_processor(self._until_none_is_left(function))
        role = self._role(bucket, function, reports)
        machine = sfn.StateMachine(
            self,
            "Machine",
            definition_body=sfn.DefinitionBody.from_chainable(objects),
            role=role.without_policy_updates(),  # else CDK would allow every version of the function
            tracing_enabled=True,
        )
        acknowledge(
            machine,
            {"AwsSolutions-SF1": "Histories are kept for 90 days; the reports say how each batch ended."},
        )
        self.state_machine_arn = machine.state_machine_arn
        self.failed: cloudwatch.IMetric = machine.metric_failed(period=PERIOD)
        self._grant_children(role, machine)

    def _until_none_is_left(self, function: lambda_.Function) -> sfn.Chain:
        feed = tasks.LambdaInvoke(
            self, "Feed", lambda_function=function, output_path="$.Payload", retry_on_service_exceptions=False
        )
        feed.add_retry(
            errors=[sfn.Errors.ALL], interval=cdk.Duration.seconds(5), max_attempts=5, backoff_rate=2
        )
        left = sfn.Choice(self, "Left").when(sfn.Condition.is_present("$.Items[0]"), feed)
        return feed.next(left.otherwise(sfn.Succeed(self, "Fed")))

    def _role(self, bucket: s3.IBucket, function: lambda_.Function, reports: PrivateBucket) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        allow(role, ["lambda:InvokeFunction"], function.function_arn)
        allow(role, ["s3:ListBucket"], bucket.bucket_arn)
        allow_objects(role, reports, {action: [REPORTS] for action in OF_AN_OBJECT})
        allow(role, [f"xray:{action}" for action in TRACES], "*")
        acknowledge(
            default_policy(role),
            {"AwsSolutions-IAM5[Resource::*]": "X-Ray's actions have no resource-level permissions."},
        )
        return role

    def _grant_children(self, role: iam.Role, machine: sfn.StateMachine) -> None:
        """Let the machine start child executions.

        The policy is separate since it names the machine, which is created after its role's default policy.

        https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
        """
        machine.node.try_remove_child("DistributedMapPolicy")  # CDK's own, attached to no role
        stack = cdk.Stack.of(self)
        children = stack.format_arn(
            service="states",
            resource="execution",
            resource_name=f"{machine.state_machine_name}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        start = iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine.state_machine_arn])
        follow = iam.PolicyStatement(
            actions=["states:DescribeExecution", "states:StopExecution"], resources=[children]
        )
        policy = iam.Policy(self, "Children", roles=[role], statements=[start, follow])
        name = f"<{stack.resolve(machine.state_machine_name)['Fn::GetAtt'][0]}.Name>"
        here = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
        rule = f"AwsSolutions-IAM5[Resource::{here}:execution:{name}:*]"
        acknowledge(policy, {rule: "IAM can name a machine's executions only with a wildcard."})
