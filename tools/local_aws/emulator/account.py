"""Gaps in how MiniStack runs functions, and in which zones it allows VPC origins. One function per gap."""

import io
import os
import zipfile
from functools import cache
from typing import Any

from ministack.services import alb, ec2, lambda_svc
from ministack.services.cloudformation import provisioners

VPC_ORIGINS_ARE_NOT_IN = {"use1-az3", "usw1-az2", "apne1-az3", "apne2-az1", "cac1-az3"}
"""Zones without VPC origins:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
"""
OTHERS_MAY_READ = 0o004


def heed_the_modes_of_packages() -> None:
    """Fail functions with files that others may not read; MiniStack runs them, as it owns the files."""
    run = lambda_svc._execute_function_warm

    def run_if_readable(function: dict[str, Any], *rest: Any, **named: Any) -> Any:
        hidden = _unreadable(function.get("code_zip") or b"")
        if not hidden:
            return run(function, *rest, **named)
        said = f"Unable to import module: [Errno 13] Permission denied: '/var/task/{hidden}'"
        body = {"errorType": "Runtime.ImportModuleError", "errorMessage": said}
        return {"body": body, "error": True, "log": said}

    lambda_svc._execute_function_warm = run_if_readable


@cache
def _unreadable(package: bytes) -> str:
    """Return the first file that others may not read; a zip without modes is fine."""
    if not package:
        return ""
    with zipfile.ZipFile(io.BytesIO(package)) as files:
        modes = {one.filename: one.external_attr >> 16 for one in files.infolist()}
    return next((name for name, mode in modes.items() if mode and not mode & OTHERS_MAY_READ), "")


def lead_custom_runtimes_here() -> None:
    """Set AWS_ENDPOINT_URL for functions on `provided.*`; MiniStack sets it only for other runtimes."""
    environment = lambda_svc._provided_worker_env

    def environment_with_endpoint(config: dict[str, Any], *rest: Any) -> dict[str, str]:
        here = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
        return {"AWS_ENDPOINT_URL": here, **environment(config, *rest)}

    lambda_svc._provided_worker_env = environment_with_endpoint


def keep_vpc_origins_to_their_zones() -> None:
    """Restrict VPC origins to the zones that offer them; MiniStack creates them in any zone."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::CloudFront::VpcOrigin"]
    create = handler["create"]

    def create_if_possible(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        if bad := sorted(_zones(properties["VpcOriginEndpointConfig"]["Arn"]) & VPC_ORIGINS_ARE_NOT_IN):
            raise ValueError(f"The availability zones {', '.join(bad)} are not supported for VPC origins.")
        return create(logical_id, properties, stack)

    handler["create"] = create_if_possible


def _zones(load_balancer: str) -> set[str]:
    """Return the ids of a load balancer's zones."""
    balancer = alb._lbs.get(load_balancer) or {}
    found = (ec2._subnets.get(subnet) or {} for subnet in balancer.get("Subnets", []))
    return {str(subnet.get("AvailabilityZoneId", "")) for subnet in found}
