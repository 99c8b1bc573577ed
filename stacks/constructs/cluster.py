"""Where tasks run, and what they may reach."""

import aws_cdk.aws_ec2 as ec2
import aws_cdk.aws_ecs as ecs
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.network import Network


class Cluster(ecs.Cluster):
    """A cluster in the network. group: for its tasks, which leave by 443 and let nobody in."""

    def __init__(self, scope: Construct, construct_id: str, *, group_id: str, network: Network) -> None:
        super().__init__(scope, construct_id, vpc=network.vpc)
        acknowledge(
            self,
            {"AwsSolutions-ECS4": "Container Insights bills custom metrics; the tasks' own are enough."},
        )
        self.group = ec2.SecurityGroup(scope, group_id, vpc=network.vpc, allow_all_outbound=False)
        self.group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443))
