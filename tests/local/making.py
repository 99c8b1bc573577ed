"""Single resources in a local AWS, to show its gaps."""

import io
import json
import zipfile
from typing import Any

from botocore.exceptions import ClientError

from tests.local.conftest import eventually
from tools.local_aws.aws import LocalAws


def stack_of(aws: LocalAws, name: str, kind: str, output: Any = None, **properties: Any) -> dict[str, Any]:
    """Create a stack with one resource; return its description once it is created or rolled back.

    If CloudFormation refuses the template, `StackStatus` is the error message.
    """
    template: dict[str, Any] = {"Resources": {"One": {"Type": kind, "Properties": properties}}}
    if output:
        template["Outputs"] = {"Out": {"Value": output}}
    cloudformation = aws.client("cloudformation")
    try:
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    except ClientError as error:
        return {"StackStatus": str(error)}

    def ended() -> Any:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return stack if not stack["StackStatus"].endswith("IN_PROGRESS") else None

    return dict(eventually(ended))


def package(answer: str, *, mode: int = 0o644) -> bytes:
    """Return a zipped function that returns the expression `answer`; its file has this mode."""
    return zipped("handler.py", f"def handler(event, context): return {answer}", mode=mode)


def zipped(name: str, text: str, *, mode: int) -> bytes:
    """Return a zip with one file."""
    written, described = io.BytesIO(), zipfile.ZipInfo(name)
    described.external_attr = mode << 16
    with zipfile.ZipFile(written, "w") as files:
        files.writestr(described, text)
    return written.getvalue()


def load_balancer(aws: LocalAws, name: str, *zones: str) -> str:
    """Create an internal load balancer with a subnet in each of these zones; return its ARN."""
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.8.{number}.0/24", AvailabilityZoneId=zone)["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate(zones)
    ]
    made = aws.client("elbv2").create_load_balancer(Name=name, Subnets=subnets, Scheme="internal")
    return str(made["LoadBalancers"][0]["LoadBalancerArn"])
