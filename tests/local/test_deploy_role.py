"""The role for GitHub Actions: which tokens it accepts, and that it can deploy and nothing else."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from stacks import deploy_role
from stacks.deploy_role import AUDIENCE, ISSUER
from tests.local.conftest import Deployment
from tools.local_aws.aws import ACCOUNT, REGION, ROOT

pytestmark = pytest.mark.slow
"""These tests deploy a stack of their own; quick ones, in tests/synth, read the role in the template."""
SUBJECT = "repo:example/images:ref:refs/heads/main"
PARAMETERS = ("--parameters", "Repository=example/images", "--parameters", "Provider=existing")


@pytest.fixture(scope="module")
def role(deployment: Deployment) -> Iterator[str]:
    """Yield the role's ARN; a provider is created first, as MiniStack's CloudFormation cannot create one."""
    iam = deployment.aws.client("iam")
    provider = iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=[AUDIENCE])
    cdk = replace(deployment.cdk, program=f"python3 -m {deploy_role.__name__}")
    yield cdk.deploy("DeployRole", *PARAMETERS)["DeployRole"]["RoleArn"]
    cdk.destroy("DeployRole")
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["OpenIDConnectProviderArn"])


def assume(deployment: Deployment, role: str, subject: str, audience: str = AUDIENCE) -> dict[str, str]:
    """Return credentials for GitHub's claims about a workflow run."""
    claims = {"iss": f"https://{ISSUER}", "aud": audience, "sub": subject}
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({}, claims))
    sts = deployment.aws.client("sts")
    found = sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="run", WebIdentityToken=f"{'.'.join(parts)}.signature"
    )["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


@pytest.mark.parametrize(
    ("subject", "audience"),
    [
        ("repo:example/images:ref:refs/heads/other", AUDIENCE),
        ("repo:example/images:pull_request", AUDIENCE),
        ("repo:example/images:ref:refs/tags/main", AUDIENCE),
        ("repo:example/images:environment:main", AUDIENCE),
        ("repo:another/images:ref:refs/heads/main", AUDIENCE),
        (SUBJECT, "https://github.com/example"),
    ],
)
def test_a_token_of_another_run_or_for_another_audience_is_refused(
    deployment: Deployment, role: str, subject: str, audience: str
) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(deployment, role, subject, audience)


def test_the_role_may_do_nothing_by_itself(deployment: Deployment, role: str) -> None:
    credentials: Any = assume(deployment, role, SUBJECT)
    session = boto3.Session(**credentials, region_name=REGION)
    calls: dict[str, Any] = {
        "s3": lambda client: client.list_buckets(),
        "iam": lambda client: client.create_user(UserName="mine"),
        "cloudformation": lambda client: client.delete_stack(StackName="CDKToolkit"),
        "lambda": lambda client: client.list_functions(),
        "sts": lambda client: client.assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{REGION}",
            RoleSessionName="more",
        ),
    }
    for service, call in calls.items():
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            call(session.client(service, endpoint_url=deployment.aws.url))
    reads_everything = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-lookup-role-{ACCOUNT}-{REGION}"
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("sts", endpoint_url=deployment.aws.url).assume_role(
            RoleArn=reads_everything, RoleSessionName="look"
        )


def test_the_cdk_deploys_and_destroys_with_the_role(
    deployment: Deployment, role: str, tmp_path: Path
) -> None:
    told = {name.upper(): value for name, value in assume(deployment, role, SUBJECT).items()}
    settings = ("-c", "target=local", "-c", "prefix=pipeline")
    for command in (("deploy", "--require-approval", "never"), ("destroy", "--force")):
        done = subprocess.run(
            ["cdk", *command, "LambdaPattern", *settings, "--output", str(tmp_path / "cdk.out")],
            cwd=ROOT,
            env={**os.environ, **deployment.aws.environment, **told},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "could not be used to assume" not in done.stderr, "the CLI went on without a bootstrap role"
