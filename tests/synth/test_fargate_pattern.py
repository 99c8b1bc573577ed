"""The templates of Network and FargatePattern."""

from typing import Any

import pytest

from container.service.environment import ServiceEnvironment
from tests.support.settings import CERTIFICATE
from tests.synth.conftest import Synth, Template, one_named, only, resources

STACK = "FargatePattern"


@pytest.fixture(scope="module")
def fargate(synth: Synth) -> Template:
    return synth(STACK)


def container_of(template: Template) -> dict[str, Any]:
    (container,) = only(template, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return dict(container)


def statements(template: Template, start: str) -> set[tuple[str, str]]:
    """Return a role's actions, each with its resource: a logical id without hash, or else the value as is."""
    _, policy = one_named(template, "AWS::IAM::Policy", start)
    found = set()
    for one in policy["Properties"]["PolicyDocument"]["Statement"]:
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        text = str(one["Resource"])
        where = next((name for name in template["Resources"] if f"'{name}'" in text), text)
        found |= {(action, where.rstrip("0123456789ABCDEF")) for action in actions}
    return found


def test_the_task_may_read_the_source_and_its_execution_role_pull_and_log(fargate: Template) -> None:
    assert statements(fargate, "ServiceTaskTaskRole") == {
        ("s3:GetObject", "Source"),
        ("s3:ListBucket", "Source"),
    }
    execution = statements(fargate, "ServiceTaskExecutionRole")
    assert {action for action, _ in execution} == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        "ecr:GetAuthorizationToken",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    assert ("logs:PutLogEvents", "ServiceLogs") in execution


@pytest.mark.parametrize(("architecture", "cpu"), [("arm64", "ARM64"), ("x86_64", "X86_64")])
def test_one_setting_moves_the_task_to_another_architecture(
    synth: Synth, architecture: str, cpu: str
) -> None:
    template = synth(STACK, architecture=architecture)
    assert only(template, "AWS::ECS::TaskDefinition")["RuntimePlatform"]["CpuArchitecture"] == cpu


def test_another_architecture_or_base_gives_another_image(synth: Synth) -> None:
    templates = [synth(STACK), synth(STACK, architecture="x86_64"), synth(STACK, base_image="python:3.13")]
    assert len({str(container_of(one)["Image"]) for one in templates}) == 3


def test_the_service_is_told_its_public_url_and_memory_limits_that_fit(
    fargate: Template, synth: Synth
) -> None:
    told = {one["Name"]: one["Value"] for one in container_of(fargate)["Environment"]}
    distribution, _ = one_named(fargate, "AWS::CloudFront::Distribution", "FrontDoor")
    assert told["PUBLIC_BASE_URL"] == {
        "Fn::Join": ["", ["https://", {"Fn::GetAtt": [distribution, "DomainName"]}]]
    }
    read = ServiceEnvironment.from_variables({**told, "PUBLIC_BASE_URL": "https://d"})
    assert read.cache_mb + read.spare_mb <= 2048 / 2
    largest = 5.33 * read.max_pixels + read.max_bytes  # bytes: an RGBA image, its halves, quarters and so on
    assert read.cache_mb * 2**20 >= largest
    assert told["WORKERS"] == "1"
    own = synth(STACK, domain="images.example.com", certificate_arn=CERTIFICATE)
    told = {one["Name"]: one["Value"] for one in container_of(own)["Environment"]}
    assert told["PUBLIC_BASE_URL"] == "https://images.example.com"


def test_each_timeout_outlasts_those_that_must_end_before_it(fargate: Template) -> None:
    """The stop timeout covers deregistration; the load balancer's keep-alive (60 s) outlasts CloudFront's."""
    attributes = only(fargate, "AWS::ElasticLoadBalancingV2::TargetGroup")["TargetGroupAttributes"]
    deregistration = {one["Key"]: one["Value"] for one in attributes}["deregistration_delay.timeout_seconds"]
    assert int(deregistration) <= container_of(fargate)["StopTimeout"]
    (origin,) = only(fargate, "AWS::CloudFront::Distribution")["DistributionConfig"]["Origins"]
    assert origin["VpcOriginConfig"]["OriginKeepaliveTimeout"] < 60
    assert origin["VpcOriginConfig"]["OriginReadTimeout"] > 15
    assert only(fargate, "AWS::ECS::Service")["HealthCheckGracePeriodSeconds"] >= 60


def test_cloudfront_redirects_to_https_and_caches_by_the_path_alone(fargate: Template) -> None:
    config = only(fargate, "AWS::CloudFront::Distribution")["DistributionConfig"]
    policies = {
        name: one["Properties"]["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
        for name, one in resources(fargate, "AWS::CloudFront::CachePolicy").items()
    }
    images = policies[config["DefaultCacheBehavior"]["CachePolicyId"]["Ref"]]
    (described,) = config["CacheBehaviors"]
    assert described["PathPattern"] == "*/info.json"
    for key in ("HeadersConfig", "QueryStringsConfig", "CookiesConfig"):
        assert images[key][key.replace("sConfig", "Behavior")] == "none"
    assert policies[described["CachePolicyId"]["Ref"]]["HeadersConfig"]["Headers"] == ["Accept"]
    for behavior in (config["DefaultCacheBehavior"], described):
        assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
        assert behavior["ResponseHeadersPolicyId"]
    assert {(one["ErrorCode"], one["ErrorCachingMinTTL"]) for one in config["CustomErrorResponses"]} == {
        (status, 5) for status in (500, 502, 503, 504)
    }


def test_the_load_balancer_has_no_public_address_and_alone_reaches_the_tasks(fargate: Template) -> None:
    assert only(fargate, "AWS::ElasticLoadBalancingV2::LoadBalancer")["Scheme"] == "internal"
    _, front = one_named(fargate, "AWS::EC2::SecurityGroup", "FrontDoorGroup")
    (ingress,) = front["Properties"]["SecurityGroupIngress"]
    assert (ingress["FromPort"], ingress["ToPort"]) == (80, 80)
    ingress = only(fargate, "AWS::EC2::SecurityGroupIngress")
    assert (ingress["FromPort"], ingress["ToPort"]) == (8080, 8080)
    assert "FrontDoorGroup" in str(ingress["SourceSecurityGroupId"])
    _, tasks = one_named(fargate, "AWS::EC2::SecurityGroup", "ServiceGroup")
    assert "SecurityGroupIngress" not in tasks["Properties"]
    (egress,) = tasks["Properties"]["SecurityGroupEgress"]
    assert (egress["FromPort"], egress["ToPort"]) == (443, 443)


def test_the_load_balancers_log_is_written_by_its_service_only(fargate: Template) -> None:
    _, policy = one_named(fargate, "AWS::S3::BucketPolicy", "FrontDoorAccessLogs")
    (write,) = [
        one
        for one in policy["Properties"]["PolicyDocument"]["Statement"]
        if one["Action"] == "s3:PutObject" and one["Effect"] == "Allow"
    ]
    assert write["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    _, resource = one_named(fargate, "AWS::ElasticLoadBalancingV2::LoadBalancer", "FrontDoor")
    assert any("AccessLogsPolicy" in name for name in resource["DependsOn"])
    assert {"Key": "access_logs.s3.enabled", "Value": "true"} in resource["Properties"][
        "LoadBalancerAttributes"
    ]


@pytest.mark.parametrize(("stage", "least", "cpu"), [("sandbox", 1, "512"), ("production", 2, "1024")])
def test_a_sandbox_has_one_small_task_and_production_at_least_two(
    synth: Synth, stage: str, least: int, cpu: str
) -> None:
    template = synth(STACK, stage=stage)
    target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (least, 4)
    assert only(template, "AWS::ECS::TaskDefinition")["Cpu"] == cpu
    _, alarm = one_named(template, "AWS::CloudWatch::Alarm", "AlarmsTooFew")
    assert (alarm["Properties"]["Threshold"], alarm["Properties"]["TreatMissingData"]) == (least, "breaching")


def test_the_service_grows_to_what_is_allowed(synth: Synth) -> None:
    template = synth(STACK, max_tasks="9")
    assert only(template, "AWS::ApplicationAutoScaling::ScalableTarget")["MaxCapacity"] == 9
    metrics = {
        one["Properties"]["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"][
            "PredefinedMetricType"
        ]
        for one in resources(template, "AWS::ApplicationAutoScaling::ScalingPolicy").values()
    }
    assert metrics == {"ECSServiceAverageCPUUtilization", "ALBRequestCountPerTarget"}


@pytest.mark.parametrize(
    ("egress", "public_ip", "gateways", "nats", "endpoints"),
    [("public-ip", "ENABLED", 1, 0, 2), ("nat", "DISABLED", 1, 1, 2), ("endpoints", "DISABLED", 1, 0, 5)],
)
def test_tasks_reach_aws_as_the_egress_setting_says(
    synth: Synth, egress: str, public_ip: str, gateways: int, nats: int, endpoints: int
) -> None:
    network = synth("Network", egress=egress)
    service = only(synth(STACK, egress=egress), "AWS::ECS::Service")
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == public_ip
    assert len(resources(network, "AWS::EC2::InternetGateway")) == gateways
    assert len(resources(network, "AWS::EC2::VPCGatewayAttachment")) == gateways
    assert len(resources(network, "AWS::EC2::NatGateway")) == nats
    assert len(resources(network, "AWS::EC2::VPCEndpoint")) == endpoints
    for subnet in resources(network, "AWS::EC2::Subnet").values():
        assert subnet["Properties"]["MapPublicIpOnLaunch"] is False


def test_a_change_of_egress_keeps_the_internet_gateway(synth: Synth) -> None:
    kinds = ("AWS::EC2::InternetGateway", "AWS::EC2::VPCGatewayAttachment")
    names = [
        [*resources(synth("Network", egress=egress), kind)]
        for egress in ("public-ip", "nat", "endpoints")
        for kind in kinds
    ]
    assert names[0:2] == names[2:4] == names[4:6]


def test_an_alarm_does_not_mix_series_and_numbers_in_a_list(fargate: Template) -> None:
    """CloudWatch refuses MAX([series, 20]), but no other test would notice."""
    _, alarm = one_named(fargate, "AWS::CloudWatch::Alarm", "AlarmsErrors")
    expressions = [one["Expression"] for one in alarm["Properties"]["Metrics"] if "Expression" in one]
    assert len(expressions) == 1
    assert "[" not in expressions[0]


def test_production_has_a_nat_gateway_per_zone(synth: Synth) -> None:
    assert len(resources(synth("Network", egress="nat", stage="production"), "AWS::EC2::NatGateway")) == 2


def test_the_subnets_of_load_balancers_have_no_route_out_of_the_vpc(synth: Synth) -> None:
    network = synth("Network")
    tables = {name for name in resources(network, "AWS::EC2::RouteTable") if "LoadBalancer" in name}
    assert len(tables) == 2
    routes = resources(network, "AWS::EC2::Route").values()
    assert not {one["Properties"]["RouteTableId"]["Ref"] for one in routes} & tables


def test_a_rate_limit_names_the_region_that_it_needs(synth: Synth, fargate: Template) -> None:
    limited = synth(STACK, waf="on")
    acl = only(limited, "AWS::WAFv2::WebACL")
    assert acl["Scope"] == "CLOUDFRONT"
    assert acl["Rules"][0]["Action"] == {"Block": {}}
    assert "WebACLId" in only(limited, "AWS::CloudFront::Distribution")["DistributionConfig"]
    assert any(
        "us-east-1" in rule["Assertions"][0]["AssertDescription"] for rule in limited["Rules"].values()
    )
    assert "WebACLId" not in only(fargate, "AWS::CloudFront::Distribution")["DistributionConfig"]


def test_flow_logs_are_written_when_asked_for(synth: Synth) -> None:
    assert resources(synth("Network"), "AWS::EC2::FlowLog") == {}
    assert only(synth("Network", flow_logs="on"), "AWS::EC2::FlowLog")["TrafficType"] == "ALL"
