"""The network of the containers: two zones, and as few billed resources as the settings allow."""

from collections.abc import Sequence

import aws_cdk as cdk
import aws_cdk.aws_ec2 as ec2
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.private_bucket import PrivateBucket
from stacks.settings import Settings

ZONES = 2
TASKS, LOAD_BALANCER = "Tasks", "LoadBalancer"
FLOW_LOGS_KEPT = cdk.Duration.days(30)
ENDPOINTS = {
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrImages": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
}
"""Interface endpoints that every task needs with `egress=endpoints`, in addition to the gateway
endpoints for S3 and DynamoDB:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
"""


class Network(cdk.Stack):
    """Subnets for tasks, which reach AWS as `egress` says, and isolated subnets for load balancers.

    By default there is no NAT gateway. vpc: the VPC. tasks, load_balancer: its subnets for tasks and for load
    balancers.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
            description="Network of the containers",
        )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=ZONES,
            nat_gateways=(ZONES if settings.is_production else 1) if settings.egress == "nat" else 0,
            subnet_configuration=_subnets(settings),
            # Nothing uses the default group, and restricting it would add a custom resource with a function.
            restrict_default_security_group=False,
        )
        self._choose_zones(settings.zone_ids)
        self.tasks = ec2.SubnetSelection(subnet_group_name=TASKS)
        self.load_balancer = ec2.SubnetSelection(subnet_group_name=LOAD_BALANCER)

        for name, service in (
            ("S3", ec2.GatewayVpcEndpointAwsService.S3),
            ("DynamoDb", ec2.GatewayVpcEndpointAwsService.DYNAMODB),
        ):
            self.vpc.add_gateway_endpoint(name, service=service, subnets=[self.tasks])
        if settings.egress == "endpoints":
            self._reach_aws_by_endpoints(settings)

        if settings.flow_logs == "on":
            logs = PrivateBucket(self, "FlowLogs", retain=settings.is_production, expiration=FLOW_LOGS_KEPT)
            self.vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_s3(logs))
        else:
            acknowledge(self.vpc, {"AwsSolutions-VPC7": "flow_logs=off: they are billed by the gigabyte."})
        self._share()

    def _choose_zones(self, zone_ids: Sequence[str]) -> None:
        """Set zones by id: a name may mean another zone in another account.

        A subnet's zone cannot be changed later.
        """
        if not zone_ids:
            return
        for subnets in (self.vpc.public_subnets, self.vpc.private_subnets, self.vpc.isolated_subnets):
            for number, subnet in enumerate(subnets):
                resource = subnet.node.default_child
                assert isinstance(resource, ec2.CfnSubnet)
                resource.add_property_deletion_override("AvailabilityZone")
                resource.add_property_override("AvailabilityZoneId", zone_ids[number % ZONES])

    def _share(self) -> None:
        """Export what other stacks import, always: exports that come and go can deadlock updates."""
        subnets = [
            *self.vpc.select_subnets(subnet_group_name=TASKS).subnet_ids,
            *self.vpc.select_subnets(subnet_group_name=LOAD_BALANCER).subnet_ids,
        ]
        for value in (self.vpc.vpc_id, *subnets):
            self.export_value(value)

    def _reach_aws_by_endpoints(self, settings: Settings) -> None:
        group = ec2.SecurityGroup(self, "Endpoints", vpc=self.vpc, allow_all_outbound=False)
        group.add_ingress_rule(ec2.Peer.ipv4(self.vpc.vpc_cidr_block), ec2.Port.tcp(443))
        acknowledge(
            group, {"AwsSolutions-EC23": "It allows only the VPC's own CIDR, which is a token at synth time."}
        )
        exec_channels = {"Exec": ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES}
        for name, service in (ENDPOINTS | (exec_channels if settings.exec == "on" else {})).items():
            self.vpc.add_interface_endpoint(
                name, service=service, subnets=self.tasks, security_groups=[group], open=False
            )
        # CloudFront's VPC origins need an internet gateway on the VPC, though nothing is routed through it:
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
        gateway = ec2.CfnInternetGateway(self, "Gateway")
        attachment = ec2.CfnVPCGatewayAttachment(
            self, "GatewayAttachment", vpc_id=self.vpc.vpc_id, internet_gateway_id=gateway.ref
        )
        # The logical ids CDK uses if there are public subnets. With other ids, a change of egress would
        # attach a second gateway before detaching the first, and fail.
        gateway.override_logical_id("VpcIGWD7BA715C")
        attachment.override_logical_id("VpcVPCGWBF912B6E")


def _subnets(settings: Settings) -> list[ec2.SubnetConfiguration]:
    kind = {
        "public-ip": ec2.SubnetType.PUBLIC,
        "nat": ec2.SubnetType.PRIVATE_WITH_EGRESS,
        "endpoints": ec2.SubnetType.PRIVATE_ISOLATED,
    }[settings.egress]
    subnets = [
        # Tasks request a public address themselves; nothing else launched here gets one.
        ec2.SubnetConfiguration(
            name=TASKS,
            subnet_type=kind,
            cidr_mask=20,
            map_public_ip_on_launch=False if kind is ec2.SubnetType.PUBLIC else None,
        ),
        ec2.SubnetConfiguration(
            name=LOAD_BALANCER, subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26
        ),
    ]
    if settings.egress == "nat":
        subnets.append(
            ec2.SubnetConfiguration(
                name="Nat", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=28, map_public_ip_on_launch=False
            )
        )
    return subnets
