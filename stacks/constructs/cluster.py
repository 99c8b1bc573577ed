"""The cluster that tasks run in, and what they may reach."""

import aws_cdk.aws_ec2 as ec2
import aws_cdk.aws_ecs as ecs
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.exec import audit_log, logged_in
from stacks.network import Network
from stacks.settings import Settings


class Cluster(ecs.Cluster):
    """An ECS cluster in the network.

    Attributes:
        group: security group of its tasks: outbound 443 only, nothing inbound but what a load balancer adds.
        exec_log: log of the shells in its tasks, if the settings allow any.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, group_id: str, network: Network, settings: Settings
    ) -> None:
        self.exec_log = audit_log(scope, settings)
        super().__init__(
            scope,
            construct_id,
            vpc=network.vpc,
            execute_command_configuration=logged_in(self.exec_log) if self.exec_log else None,
        )
        acknowledge(
            self,
            {"AwsSolutions-ECS4": "Container Insights bills custom metrics; the tasks' own are enough."},
        )
        self.group = ec2.SecurityGroup(scope, group_id, vpc=network.vpc, allow_all_outbound=False)
        self.group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))
