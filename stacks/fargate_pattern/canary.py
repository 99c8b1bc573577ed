"""Canary deployments, for `deployments=canary`: a new revision first gets a share of the requests.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/canary-deployment.html
"""

import aws_cdk as cdk
import aws_cdk.aws_ecs as ecs
import aws_cdk.aws_elasticloadbalancingv2 as elb
import aws_cdk.aws_iam as iam
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.grants import allow, default_policy

SHARE_PERCENT = 10
WATCHED = cdk.Duration.minutes(20)
"""How long ECS watches the alarms at each stage: an alarm's three periods, and the one already under way."""
DESCRIBED = ("Listeners", "Rules", "TargetGroups", "TargetHealth")


class Canary(Construct):
    """The listener rule whose weights ECS shifts from one target group to the other in each deployment.

    Either group may be in use, so the alarms on healthy and unhealthy hosts sum both. alternate: the
    service's alternate target, which has the second group.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        listener: elb.ApplicationListener,
        blue: elb.ApplicationTargetGroup,
        green: elb.ApplicationTargetGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        rule = elb.ApplicationListenerRule(
            self,
            "Rule",
            listener=listener,
            priority=1,
            conditions=[elb.ListenerCondition.path_patterns(["*"])],
            action=elb.ListenerAction.weighted_forward(
                [
                    elb.WeightedTargetGroup(target_group=blue, weight=100),
                    elb.WeightedTargetGroup(target_group=green, weight=0),
                ]
            ),
        )
        # AWS's managed policy for such a role covers every rule and target group of the account.
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"))
        act = "elasticloadbalancing"
        allow(role, [f"{act}:Describe{what}" for what in DESCRIBED], "*")
        allow(role, [f"{act}:ModifyRule"], rule.listener_rule_arn)
        allow(
            role,
            [f"{act}:DeregisterTargets", f"{act}:RegisterTargets"],
            blue.target_group_arn,
            green.target_group_arn,
        )
        reason = "The Describe actions of Elastic Load Balancing have no resource-level permissions."
        acknowledge(default_policy(role), {"AwsSolutions-IAM5[Resource::*]": reason})
        self.alternate = ecs.AlternateTarget(
            "Alternate",
            alternate_target_group=green,
            role=role,
            production_listener=ecs.ListenerRuleConfiguration.application_listener_rule(rule),
        )
