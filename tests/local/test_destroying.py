"""The deployment's last test: destroying leaves nothing, not even non-empty buckets or the CDK's helpers."""

import os
from typing import Any

import pytest

from tests.local.conftest import Deployment, eventually, process_of
from tests.support.images import corners, encode
from tools.drivers.fargate_pattern import ServiceDriver
from tools.drivers.hybrid_pattern import HybridDriver
from tools.drivers.lambda_service import FunctionDriver
from tools.drivers.stream_pattern import StreamDriver


def left(client: Any) -> dict[str, list[str]]:
    """Return the account's resources by kind, without those of the CDK's bootstrap stack."""
    found = {
        "buckets": [one["Name"] for one in client("s3").list_buckets()["Buckets"]],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "streams": client("kinesis").list_streams()["StreamNames"],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "functions": [one["FunctionName"] for one in client("lambda").list_functions()["Functions"]],
        "rules": [one["Name"] for one in client("events").list_rules()["Rules"]],
        "alarms": [one["AlarmName"] for one in client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "dashboards": [
            one["DashboardName"] for one in client("cloudwatch").list_dashboards()["DashboardEntries"]
        ],
        "log groups": [one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"]],
        "roles": [one["RoleName"] for one in client("iam").list_roles()["Roles"]],
        "clusters": client("ecs").list_clusters()["clusterArns"],
        "load balancers": client("elbv2").describe_load_balancers()["LoadBalancers"],
        "target groups": client("elbv2").describe_target_groups()["TargetGroups"],
        "distributions": client("cloudfront").list_distributions()["DistributionList"].get("Items", []),
        "functions of CloudFront": client("cloudfront").list_functions()["FunctionList"].get("Items", []),
        "origin access controls": client("cloudfront")
        .list_origin_access_controls()["OriginAccessControlList"]
        .get("Items", []),
        "VPC origins": client("cloudfront").list_vpc_origins()["VpcOriginList"].get("Items", []),
        "VPCs": [one["VpcId"] for one in client("ec2").describe_vpcs()["Vpcs"] if not one["IsDefault"]],
    }
    return {
        kind: kept
        for kind, all_ in found.items()
        if (kept := [one for one in all_ if not str(one).startswith(("cdk-", "user-"))])
    }


@pytest.mark.slow
def test_destroying_leaves_nothing_behind(
    deployment: Deployment,
    service: ServiceDriver,
    answering: FunctionDriver,
    hybrid: HybridDriver,
    stream: StreamDriver,
) -> None:
    deployment.cdk.deploy("Operations", "QueuePattern")
    answering.upload("last.jpg", encode(corners(60, 40), ".jpg"))
    stream.put([("key", b"set aside as malformed")])
    eventually(lambda: stream.set_aside("malformed/"))
    hybrid.wait(hybrid.upload("last.tif", encode(corners(600, 400), ".tif")))
    pid = process_of(deployment.aws, service.tasks()[0])
    assert {"buckets", "tables", "streams", "log groups", "distributions", "VPCs"} <= {*left(service.client)}
    deployment.cdk.destroy("--all")
    assert left(service.client) == {}
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
