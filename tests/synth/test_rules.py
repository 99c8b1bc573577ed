"""Every template keeps every rule, with settings combined pairwise; each rule detects an injected fault."""

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from app import STACKS
from tests.support.settings import CHOICES, SETTINGS, complete
from tests.synth import container_rules, rules
from tests.synth.conftest import Synth, Template, synthesise, templates
from tests.synth.container_rules import CONTAINER_RULES
from tests.synth.metric_rules import metric_is_counted
from tests.synth.rules import RULES, STAGE_RULES, Rule, of_type


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: "-".join(filter(None, settings.values())))
def test_every_template_keeps_every_rule(synth: Synth, settings: dict[str, str]) -> None:
    asked = {container_rules.no_nat_gateway} if settings["egress"] == "nat" else set()
    findings = [
        f"{stack}: {rule.__name__}: {finding}"
        for stack in STACKS
        for rule in (*RULES, *CONTAINER_RULES, metric_is_counted, STAGE_RULES[settings["stage"]])
        if rule not in asked
        for finding in rule(synth(stack, **complete(settings)))
    ]
    assert findings == []


def test_every_two_values_of_two_settings_meet_in_one_template() -> None:
    for a, b in itertools.combinations(CHOICES, 2):
        met = {(row[a], row[b]) for row in SETTINGS}
        assert met == set(itertools.product(CHOICES[a], CHOICES[b]))


def first(template: Template, kind: str) -> tuple[str, dict[str, Any]]:
    """Return logical id and properties of the first resource of a type, skipping the CDK's own resources."""
    return next(
        (name, one["Properties"]) for name, one in of_type(template, kind) if not name.startswith("Custom")
    )


def allow(template: Template, **statement: Any) -> str:
    name, policy = first(template, "AWS::IAM::Policy")
    policy["PolicyDocument"]["Statement"].append({"Effect": "Allow", **statement})
    return name


def open_to_wildcards(template: Template) -> str:
    name, policy = first(template, "AWS::S3::BucketPolicy")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:Get*", "Resource": {"Ref": "Source"}}
    policy["PolicyDocument"]["Statement"].append(statement)
    return name


def drop(kind: str, key: str) -> Callable[[Template], str]:
    def inject(template: Template) -> str:
        name, properties = first(template, kind)
        del properties[key]
        return name

    return inject


def set_to(kind: str, key: str, value: Any) -> Callable[[Template], str]:
    def inject(template: Template) -> str:
        name, properties = first(template, kind)
        properties[key] = value
        return name

    return inject


def add(kind: str, **properties: Any) -> Callable[[Template], str]:
    def inject(template: Template) -> str:
        template["Resources"]["Added"] = {"Type": kind, "Properties": properties}
        return "Added"

    return inject


def without_tls(kind: str) -> Callable[[Template], str]:
    def inject(template: Template) -> str:
        policy_kind = {
            "AWS::S3::Bucket": "AWS::S3::BucketPolicy",
            "AWS::SQS::Queue": "AWS::SQS::QueuePolicy",
        }[kind]
        name, _ = first(template, kind)
        for _, policy in of_type(template, policy_kind):
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Deny":
                    statement["Condition"] = {}
        return name

    return inject


def without_alarms(template: Template) -> str:
    for name, _ in list(of_type(template, "AWS::CloudWatch::Alarm")):
        del template["Resources"][name]
    return next(
        name for name, one in of_type(template, "AWS::SQS::Queue") if "RedrivePolicy" not in one["Properties"]
    )


def retained(template: Template) -> str:
    name, _ = first(template, "AWS::S3::Bucket")
    template["Resources"][name]["DeletionPolicy"] = "Retain"
    return name


def target_without_dead_letters(template: Template) -> str:
    name, properties = first(template, "AWS::Events::Rule")
    del properties["Targets"][0]["DeadLetterConfig"]
    return name


def managed_policy(template: Template) -> str:
    return set_to("AWS::IAM::Role", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"])(
        template
    )


def short_visibility(template: Template) -> str:
    name, properties = next(
        (name, one["Properties"])
        for name, one in of_type(template, "AWS::SQS::Queue")
        if "RedrivePolicy" in one["Properties"]
    )
    properties["VisibilityTimeout"] = 719
    return name


def unended(template: Template) -> str:
    name, properties = next(
        (name, one["Properties"])
        for name, one in of_type(template, "AWS::SQS::Queue")
        if "RedrivePolicy" in one["Properties"]
    )
    del properties["RedrivePolicy"]
    return name


def drop_in_container(key: str) -> Callable[[Template], str]:
    def inject(template: Template) -> str:
        name, properties = first(template, "AWS::ECS::TaskDefinition")
        del properties["ContainerDefinitions"][0][key]
        return name

    return inject


def public_load_balancer(template: Template) -> str:
    set_to("AWS::ElasticLoadBalancingV2::LoadBalancer", "Scheme", "internet-facing")(template)
    return next(name for name, _ in of_type(template, GROUP) if name.startswith("FrontDoor"))


BUCKET, QUEUE = "AWS::S3::Bucket", "AWS::SQS::Queue"
GROUP, SERVICE = "AWS::EC2::SecurityGroup", "AWS::ECS::Service"


def without_use_for_init(template: Template) -> str:
    name, task = first(template, "AWS::ECS::TaskDefinition")
    task["ContainerDefinitions"][0]["LinuxParameters"]["InitProcessEnabled"] = True
    return name


CONFINES = (
    "User",
    "ReadonlyRootFilesystem",
    "LinuxParameters",
    "LogConfiguration",
    "EntryPoint",
    "StopTimeout",
)
FAULTS: list[tuple[Rule, Callable[[Template], str]]] = [
    (rules.no_wildcards, lambda t: allow(t, Action="s3:Get*", Resource={"Ref": "Source"})),
    (rules.no_wildcards, lambda t: allow(t, Action=["s3:GetObject"], Resource="*")),
    (rules.no_wildcards, lambda t: allow(t, Action="s3:GetObject", Resource="arn:aws:s3:::any-*/key")),
    (
        rules.no_wildcards,
        lambda t: allow(t, Action="s3:GetObject", Resource=[{"Fn::Join": ["", ["arn:", "*", "/*"]]}]),
    ),
    (rules.no_wildcards, open_to_wildcards),
    (rules.no_managed_policies, managed_policy),
    (
        rules.roles_are_passed_to_one_service_only,
        lambda t: allow(t, Action="iam:PassRole", Resource={"Ref": "Role"}),
    ),
    (
        rules.roles_are_passed_to_one_service_only,
        lambda t: allow(
            t,
            Action="iam:PassRole",
            Resource="arn:aws:iam::1:role/any",
            Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
    ),
    (rules.buckets_are_private_and_encrypted, drop(BUCKET, "PublicAccessBlockConfiguration")),
    (
        rules.buckets_are_private_and_encrypted,
        set_to(BUCKET, "PublicAccessBlockConfiguration", {"BlockPublicAcls": True}),
    ),
    (rules.buckets_are_private_and_encrypted, drop(BUCKET, "BucketEncryption")),
    (rules.buckets_are_private_and_encrypted, drop(BUCKET, "OwnershipControls")),
    (rules.buckets_have_a_lifecycle, drop(BUCKET, "LifecycleConfiguration")),
    (
        rules.buckets_have_a_lifecycle,
        set_to(BUCKET, "LifecycleConfiguration", {"Rules": [{"AbortIncompleteMultipartUpload": {}}]}),
    ),
    (rules.only_tls, without_tls(BUCKET)),
    (rules.only_tls, without_tls(QUEUE)),
    (rules.only_tls, add("AWS::SNS::Topic")),
    (rules.queues_end_in_a_watched_dead_letter_queue, unended),
    (rules.queues_end_in_a_watched_dead_letter_queue, without_alarms),
    (rules.rules_have_a_dead_letter_queue, target_without_dead_letters),
    (rules.messages_stay_hidden_for_six_timeouts, short_visibility),
    (rules.batches_fail_in_parts, drop("AWS::Lambda::EventSourceMapping", "FunctionResponseTypes")),
    (rules.logs_expire, drop("AWS::Logs::LogGroup", "RetentionInDays")),
    (rules.logs_expire, drop("AWS::Lambda::Function", "LoggingConfig")),
    (rules.nothing_has_a_fixed_name, set_to(BUCKET, "BucketName", "photos")),
    (
        rules.cloudfront_names_are_of_stack_and_region,
        set_to("AWS::CloudFront::VpcOrigin", "VpcOriginEndpointConfig", {"Name": "a"}),
    ),
    (rules.cloudfront_names_are_of_stack_and_region, add("AWS::CloudFront::RealtimeLogConfig", Name="a")),
    (
        rules.roles_are_passed_to_one_service_only,
        lambda t: allow(
            t,
            Action="iam:PassRole",
            Resource={"Ref": "Role"},
            Condition={
                "StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"]}
            },
        ),
    ),
    (container_rules.no_nat_gateway, add("AWS::EC2::NatGateway")),
    (
        container_rules.no_limits_on_a_container,
        add("AWS::ECS::TaskDefinition", ContainerDefinitions=[{"Memory": 512}]),
    ),
    (
        rules.alarms_say_what_to_do,
        set_to("AWS::CloudWatch::Alarm", "AlarmDescription", "Something is wrong."),
    ),
    (
        container_rules.nothing_is_open_to_the_world,
        add(GROUP, SecurityGroupIngress=[{"CidrIp": "0.0.0.0/0"}]),
    ),
    (container_rules.nothing_is_open_to_the_world, public_load_balancer),
    (container_rules.nothing_is_open_to_the_world, add("AWS::EC2::SecurityGroupIngress", CidrIpv6="::/0")),
    *((container_rules.containers_are_confined, drop_in_container(key)) for key in CONFINES),
    (container_rules.services_are_replaced_safely, drop(SERVICE, "DeploymentConfiguration")),
    (container_rules.shells_are_logged_and_can_start, set_to(SERVICE, "EnableExecuteCommand", True)),
    (container_rules.shells_are_logged_and_can_start, without_use_for_init),
    (container_rules.services_are_replaced_safely, set_to(SERVICE, "DesiredCount", 1)),
    (rules.nothing_is_retained, retained),
    (rules.data_is_retained, lambda t: next(name for name, _ in of_type(t, BUCKET))),
    (rules.data_is_retained, lambda t: next(name for name, _ in of_type(t, "Custom::S3AutoDeleteObjects"))),
]


@pytest.mark.parametrize(
    ("rule", "inject"), FAULTS, ids=[f"{rule.__name__}-{number}" for number, (rule, _) in enumerate(FAULTS)]
)
def test_every_rule_finds_its_fault_and_names_the_resource(
    rule: Rule, inject: Callable[[Template], str]
) -> None:
    faulty = {
        "Resources": {
            **copy.deepcopy(synthesise("FargatePattern"))["Resources"],
            **copy.deepcopy(synthesise("LambdaPattern"))["Resources"],
        }
    }
    name = inject(faulty)
    findings = list(rule(faulty))
    assert any(finding.startswith(f"{name}: ") for finding in findings), findings


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule for rule, _ in FAULTS} == {*RULES, *CONTAINER_RULES, *STAGE_RULES.values()}


def test_no_stack_is_left_out() -> None:
    assert {*templates()} == {*STACKS}
