"""Canary deployments: a listener rule that weights two target groups, and alarms that roll back."""

import json

import pytest

from tests.synth.conftest import Template, one_named, only, resources, templates

RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
GROUPS = ("Service", "Alternate")


@pytest.fixture
def template() -> Template:
    return templates(deployments="canary")["FargatePattern"]


def test_a_canary_gets_a_tenth_of_the_requests_and_load_balancer_alarms_roll_it_back(
    template: Template,
) -> None:
    deployment = only(template, "AWS::ECS::Service")["DeploymentConfiguration"]
    assert deployment["Strategy"] == "CANARY"
    assert deployment["CanaryConfiguration"] == {"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 20}
    assert deployment["BakeTimeInMinutes"] == 20
    watched = deployment["Alarms"]
    assert (watched["Enable"], watched["Rollback"]) == (True, True)
    names = [one["Ref"] for one in watched["AlarmNames"]]
    assert all(
        name.startswith(kind) for name, kind in zip(names, ("AlarmsErrors", "AlarmsSlow"), strict=True)
    )
    for name in names:
        alarm = template["Resources"][name]["Properties"]
        assert "TargetGroup" not in json.dumps(alarm), "the other group may be the one in use"
        periods = {one["MetricStat"]["Period"] for one in alarm.get("Metrics", []) if "MetricStat" in one}
        (period,) = periods or {alarm["Period"]}
        assert period * (1 + alarm["DatapointsToAlarm"]) <= 20 * 60, (
            "a period may have begun before the canary"
        )


def test_the_rule_takes_every_request_and_sends_all_to_the_first_group(template: Template) -> None:
    rule = only(template, RULE)
    assert rule["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["*"]}}]
    (action,) = rule["Actions"]
    weights = {one["TargetGroupArn"]["Ref"]: one["Weight"] for one in action["ForwardConfig"]["TargetGroups"]}
    blue, green = (one_named(template, GROUP, f"FrontDoorLoadBalancerListener{name}")[0] for name in GROUPS)
    assert weights == {blue: 100, green: 0}
    first, second = (template["Resources"][name]["Properties"] for name in (blue, green))
    assert first == second
    (load_balancer,) = only(template, "AWS::ECS::Service")["LoadBalancers"]
    advanced = load_balancer["AdvancedConfiguration"]
    assert load_balancer["TargetGroupArn"] == {"Ref": blue}
    assert advanced["AlternateTargetGroupArn"] == {"Ref": green}
    assert advanced["ProductionListenerRule"] == {"Ref": next(iter(resources(template, RULE)))}


def test_ecs_may_modify_only_this_rule_and_the_targets_of_these_groups(template: Template) -> None:
    _, policy = one_named(template, "AWS::IAM::Policy", "CanaryRole")
    _, rule, targets = policy["Properties"]["PolicyDocument"]["Statement"]
    assert rule["Action"] == "elasticloadbalancing:ModifyRule"
    assert rule["Resource"] == {"Ref": next(iter(resources(template, RULE)))}
    assert {one["Ref"] for one in targets["Resource"]} == {*resources(template, GROUP)}
    (service,) = resources(template, "AWS::ECS::Service").values()
    assert any("CanaryRoleDefaultPolicy" in name for name in service["DependsOn"])


@pytest.mark.parametrize("alarm", ["AlarmsUnhealthy", "AlarmsTooFew"])
def test_hosts_are_counted_in_both_groups(template: Template, alarm: str) -> None:
    _, resource = one_named(template, "AWS::CloudWatch::Alarm", alarm)
    metrics = resource["Properties"]["Metrics"]
    assert metrics[0]["Expression"] == "FILL(group0, 0) + FILL(group1, 0)"
    assert all(name in json.dumps(metrics) for name in resources(template, GROUP))


def test_the_service_scales_by_cpu_alone(template: Template) -> None:
    """The metric of requests per target covers one target group, and a canary uses two."""
    policies = resources(template, "AWS::ApplicationAutoScaling::ScalingPolicy")
    assert "ALBRequestCountPerTarget" not in json.dumps(policies)
    assert len(policies) == 1


def test_without_the_setting_the_template_has_no_canary() -> None:
    everything = json.dumps(templates()["FargatePattern"])
    assert [word for word in ("CANARY", "AlternateGroup", RULE) if word in everything] == []
