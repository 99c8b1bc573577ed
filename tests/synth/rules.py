"""Rules for every template, as pure functions over its JSON. Copy this file with a stack: it stands alone.

A rule yields one sentence per finding, which begins with the logical id. Exceptions are in `ALLOWED_ON_ALL`
and `CDK_HELPERS`, with reasons.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

Resource = dict[str, Any]
Template = dict[str, Any]
Rule = Callable[[Template], Iterator[str]]

ALLOWED_ON_ALL = {
    "xray:PutTraceSegments": "no resource-level permissions",
    "xray:PutTelemetryRecords": "no resource-level permissions",
    "xray:GetSamplingRules": "no resource-level permissions",
    "xray:GetSamplingTargets": "no resource-level permissions",
    "ecr:GetAuthorizationToken": "the token is for the whole registry",
    "rekognition:DetectLabels": "no resource-level permissions",
    "ssmmessages:CreateControlChannel": "with exec=on; no resource-level permissions",
    "ssmmessages:CreateDataChannel": "the same",
    "ssmmessages:OpenControlChannel": "the same",
    "ssmmessages:OpenDataChannel": "the same",
    "elasticloadbalancing:DescribeListeners": "with deployments=canary; no resource-level permissions",
    "elasticloadbalancing:DescribeRules": "the same",
    "elasticloadbalancing:DescribeTargetGroups": "the same",
    "elasticloadbalancing:DescribeTargetHealth": "the same",
    "logs:DescribeLogGroups": "with exec=on; the agent searches all log groups for its own",
}
CDK_HELPERS = {
    "CustomS3AutoDeleteObjects": "CDK's own function, only in a sandbox: it empties buckets on destroy",
}
NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    "AWS::ECS::Service": "ServiceName",
}
POLICIES = (
    *("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role"),
    *("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"),
)
DATA = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Logs::LogGroup"}


def of_type(template: Template, *kinds: str) -> Iterator[tuple[str, Resource]]:
    for name, resource in template["Resources"].items():
        if resource["Type"] in kinds:
            yield name, {"Properties": {}, **resource}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def refers_to(value: Any, name: str) -> bool:
    """Return whether a value contains a Ref or GetAtt of a logical id."""
    if isinstance(value, dict):
        return (
            value.get("Ref") == name
            or (as_list(value.get("Fn::GetAtt", ""))[0] == name)
            or any(refers_to(one, name) for one in value.values())
        )
    return isinstance(value, list) and any(refers_to(one, name) for one in value)


def is_for_a_cdk_helper(statement: Resource) -> bool:
    principal = json.dumps(statement.get("Principal", {}))
    return any(f'"{helper}' in principal for helper in CDK_HELPERS)


def allowed(template: Template) -> Iterator[tuple[str, list[str], list[Any], Resource]]:
    """Yield every Allow statement but those for CDK helpers: logical id, actions, resources, statement."""
    for name, resource in of_type(template, *POLICIES):
        properties = resource["Properties"]
        documents = [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for document in documents:
            for statement in document["Statement"]:
                if statement["Effect"] == "Allow" and not is_for_a_cdk_helper(statement):
                    yield name, as_list(statement["Action"]), as_list(statement["Resource"]), statement


def no_wildcards(template: Template) -> Iterator[str]:
    for name, actions, resources, _ in allowed(template):
        for action in actions:
            if "*" in action:
                yield f"{name}: the action {action} holds a wildcard"
            if "*" in resources and action not in ALLOWED_ON_ALL:
                yield f"{name}: {action} is allowed on everything"
        for resource in resources:
            last = json.dumps(resource).rstrip('"]} ')
            is_revision = ":task-definition/" in last and last.endswith(":*")  # of one family
            is_execution = ":execution:" in last and last.endswith(":*")  # of one state machine
            is_below = last.endswith("/*") or is_revision or is_execution
            if resource != "*" and "*" in last and not (is_below and last.count("*") == 1):
                yield f"{name}: the resource {last} has a wildcard beyond objects, revisions or executions"


def no_managed_policies(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, "AWS::IAM::Role"):
        if not name.startswith(tuple(CDK_HELPERS)) and resource["Properties"].get("ManagedPolicyArns"):
            yield f"{name}: has a managed policy, which allows more than it needs"


def roles_are_passed_to_one_service_only(template: Template) -> Iterator[str]:
    for name, actions, resources, statement in allowed(template):
        if "iam:PassRole" in actions:
            services = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
            if len(as_list(services or [])) != 1:
                yield f"{name}: iam:PassRole without exactly one service in iam:PassedToService"
            if any(not isinstance(one, dict) for one in resources):
                yield f"{name}: iam:PassRole on roles that are not named by the template"


def buckets_are_private_and_encrypted(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, "AWS::S3::Bucket"):
        properties = resource["Properties"]
        blocked = properties.get("PublicAccessBlockConfiguration", {})
        if [one for one in blocked.values() if one is True] != [True] * 4:
            yield f"{name}: public access is not blocked"
        if not properties.get("BucketEncryption"):
            yield f"{name}: is not encrypted"
        owner = properties.get("OwnershipControls", {}).get("Rules", [{}])[0].get("ObjectOwnership")
        if owner != "BucketOwnerEnforced":
            yield f"{name}: lets ACLs decide who owns an object"


def buckets_have_a_lifecycle(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, "AWS::S3::Bucket"):
        rules = resource["Properties"].get("LifecycleConfiguration", {}).get("Rules", [])
        if not any("AbortIncompleteMultipartUpload" in rule for rule in rules):
            yield f"{name}: keeps incomplete uploads forever"
        if resource["Properties"].get("VersioningConfiguration") and not any(
            "NoncurrentVersionExpiration" in rule for rule in rules
        ):
            yield f"{name}: keeps old versions forever"


def only_tls(template: Template) -> Iterator[str]:
    policies = {
        "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
        "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
        "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
    }
    for kind, (policy_kind, target) in policies.items():
        for name, _ in of_type(template, kind):
            statements = [
                statement
                for _, policy in of_type(template, policy_kind)
                if refers_to(policy["Properties"][target], name)
                for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            ]
            denied = [
                one
                for one in statements
                if one["Effect"] == "Deny"
                and one.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
            ]
            if not denied:
                yield f"{name}: takes requests without TLS"


def queues_end_in_a_watched_dead_letter_queue(template: Template) -> Iterator[str]:
    everything = [
        resource
        for _, resource in of_type(template, *{one["Type"] for one in template["Resources"].values()})
    ]
    ends = [one["Properties"].get("RedrivePolicy", {}).get("deadLetterTargetArn") for one in everything]
    ends += [
        target.get("DeadLetterConfig")
        for one in everything
        for target in as_list(one["Properties"].get("Targets", []))
        if isinstance(target, dict)
    ]
    for name, resource in of_type(template, "AWS::SQS::Queue"):
        if "RedrivePolicy" in resource["Properties"]:
            continue
        if not any(refers_to(end, name) for end in ends):
            yield f"{name}: has no dead-letter queue and is not one itself"
        elif not any(
            refers_to(alarm["Properties"].get("Dimensions"), name)
            and alarm["Properties"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
            for _, alarm in of_type(template, "AWS::CloudWatch::Alarm")
        ):
            yield f"{name}: nobody is told when a message ends here"


def rules_have_a_dead_letter_queue(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, "AWS::Events::Rule"):
        for target in resource["Properties"].get("Targets", []):
            if not target.get("DeadLetterConfig"):
                yield f"{name}: what cannot be delivered is lost"


def messages_stay_hidden_for_six_timeouts(template: Template) -> Iterator[str]:
    resources = template["Resources"]
    for name, mapping in of_type(template, "AWS::Lambda::EventSourceMapping"):
        for queue, resource in of_type(template, "AWS::SQS::Queue"):
            if refers_to(mapping["Properties"].get("EventSourceArn"), queue):
                function = resources[mapping["Properties"]["FunctionName"]["Ref"]]["Properties"]
                if resource["Properties"].get("VisibilityTimeout", 30) < 6 * function.get("Timeout", 3):
                    yield f"{queue}: a message is seen again before six timeouts of {name}'s function"


def batches_fail_in_parts(template: Template) -> Iterator[str]:
    for name, mapping in of_type(template, "AWS::Lambda::EventSourceMapping"):
        if mapping["Properties"].get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: one bad message brings back its whole batch"


def logs_expire(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, "AWS::Logs::LogGroup"):
        if not resource["Properties"].get("RetentionInDays"):
            yield f"{name}: is kept forever"
    for name, resource in of_type(template, "AWS::Lambda::Function"):
        if not name.startswith(tuple(CDK_HELPERS)) and not resource["Properties"].get(
            "LoggingConfig", {}
        ).get("LogGroup"):
            yield f"{name}: logs into a group that nobody manages"


def nothing_has_a_fixed_name(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, *NAMES):
        if isinstance(resource["Properties"].get(NAMES[resource["Type"]]), str):
            yield f"{name}: has a fixed name, so the stack cannot be deployed twice or replace it"


def cloudfront_names_are_of_stack_and_region(template: Template) -> Iterator[str]:
    """The names of CloudFront resources must be unique in the account, across all Regions."""
    for name, resource in template["Resources"].items():
        if not resource["Type"].startswith("AWS::CloudFront::"):
            continue
        properties = resource.get("Properties", {})
        for config in (properties, *properties.values()):
            match config.get("Name") if isinstance(config, dict) else None:
                case None | {"Fn::Join": [_, [*_, {"Ref": "AWS::Region"}]]}:
                    continue
            yield f"{name}: its name is not unique in the account"


def alarms_say_what_to_do(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, "AWS::CloudWatch::Alarm"):
        if "docs/runbooks.md#" not in resource["Properties"].get("AlarmDescription", ""):
            yield f"{name}: its description links to no runbook"


def nothing_is_retained(template: Template) -> Iterator[str]:
    """The rule for a sandbox: nothing stays behind after a destroy."""
    for name, resource in template["Resources"].items():
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(policy, "Delete") != "Delete":
                yield f"{name}: stays behind in the account"
    for name, resource in of_type(template, *DATA):
        if resource.get("DeletionPolicy") != "Delete":
            yield f"{name}: stays behind in the account"


def data_is_retained(template: Template) -> Iterator[str]:
    """The rule for production: data stays when a stack is destroyed."""
    for name, resource in of_type(template, *DATA):
        if resource.get("DeletionPolicy") != "Retain" or resource.get("UpdateReplacePolicy") != "Retain":
            yield f"{name}: its data goes when the stack does"
    for name, _ in of_type(template, "Custom::S3AutoDeleteObjects"):
        yield f"{name}: empties a bucket of production"


RULES: tuple[Rule, ...] = (
    no_wildcards,
    no_managed_policies,
    roles_are_passed_to_one_service_only,
    buckets_are_private_and_encrypted,
    buckets_have_a_lifecycle,
    only_tls,
    queues_end_in_a_watched_dead_letter_queue,
    rules_have_a_dead_letter_queue,
    messages_stay_hidden_for_six_timeouts,
    batches_fail_in_parts,
    logs_expire,
    nothing_has_a_fixed_name,
    cloudfront_names_are_of_stack_and_region,
    alarms_say_what_to_do,
)
STAGE_RULES: dict[str, Rule] = {"sandbox": nothing_is_retained, "production": data_is_retained}
