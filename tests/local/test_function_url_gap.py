"""CloudFront signs its requests to a function URL; MiniStack does so only with the patch."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.local.making import package
from tools.local_aws.aws import LocalAws

pytestmark = pytest.mark.slow
ANSWERS = "{'statusCode': 200, 'body': event['rawPath']}"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")


def a_function(aws: LocalAws) -> str:
    """Create a function with a URL; return the URL's host."""
    lambda_ = aws.client("lambda")
    assumed = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = aws.client("iam").create_role(
        RoleName="answers", AssumeRolePolicyDocument=json.dumps({"Statement": [assumed]})
    )
    lambda_.create_function(
        FunctionName="answers",
        Runtime="python3.13",
        Handler="handler.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": package(ANSWERS)},
    )
    made = lambda_.create_function_url_config(FunctionName="answers", AuthType="AWS_IAM")
    return str(made["FunctionUrl"]).split("/")[2]


def a_distribution(cloudfront: Any, host: str) -> dict[str, Any]:
    access = cloudfront.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": "answers",
            "OriginAccessControlOriginType": "lambda",
            "SigningBehavior": "always",
            "SigningProtocol": "sigv4",
        }
    )
    asked = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    origin = {
        "Id": "one",
        "DomainName": host,
        "OriginAccessControlId": access["OriginAccessControl"]["Id"],
        "CustomOriginConfig": asked,
    }
    behavior = {
        "TargetOriginId": "one",
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": CACHING_DISABLED,
    }
    config = {"CallerReference": "1", "Comment": "", "Enabled": True, "DefaultCacheBehavior": behavior}
    made = cloudfront.create_distribution(
        DistributionConfig={**config, "Origins": {"Quantity": 1, "Items": [origin]}}
    )
    return dict(made["Distribution"])


def status(aws: LocalAws, domain: str) -> int:
    request = urllib.request.Request(f"{aws.url}/path", headers={"Host": domain})
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_ministack_refuses_cloudfront_despite_both_permissions_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    for aws, seen in ((bare, [403, 403, 403]), (patched, [403, 403, 200])):
        lambda_ = aws.client("lambda")
        distribution = a_distribution(aws.client("cloudfront"), a_function(aws))
        found = [status(aws, distribution["DomainName"])]
        for number, action in enumerate(ACTIONS):
            lambda_.add_permission(
                FunctionName="answers",
                StatementId=str(number),
                Action=action,
                Principal="cloudfront.amazonaws.com",
                SourceArn=distribution["ARN"],
            )
            found.append(status(aws, distribution["DomainName"]))
        assert found == seen
