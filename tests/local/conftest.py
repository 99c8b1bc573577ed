"""A local AWS with LambdaPattern deployed by the real CDK CLI, once for all tests that need it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import pytest

from local.aws import LocalAws, local_aws
from local.deployment import Cdk
from local.driver import LambdaDriver

T = TypeVar("T")
STACK = "LambdaPattern"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    aws: LocalAws
    cdk: Cdk
    driver: LambdaDriver


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder: Path = tmp_path_factory.mktemp("local")
    with local_aws(folder / "local-aws.log") as aws:
        cdk = Cdk(aws=aws, folder=folder)
        cdk.bootstrap()
        yield Deployment(
            aws=aws, cdk=cdk, driver=LambdaDriver(client=aws.client, outputs=cdk.deploy(STACK)[STACK])
        )


def eventually(look: Callable[[], T], *, seconds: float = 30) -> T:
    """What `look` gives once it is true; SQS and S3 have nothing to wait on."""
    end = monotonic() + seconds
    while not (found := look()):
        if monotonic() > end:
            pytest.fail(f"Not within {seconds:.0f} s; the last look gave {found!r}.")
        sleep(0.1)
    return found


def s3_of_a_user(aws: LocalAws) -> Any:
    """S3 as an IAM user who may do all with it; a bucket policy holds for users, not for root."""
    iam = aws.client("iam")
    name = f"user-{len(iam.list_users()['Users'])}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="s3", PolicyDocument=document)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return aws.client("s3", key=made["AccessKeyId"], secret=made["SecretAccessKey"])


def count(sqs: Any, queue_url: str) -> int:
    """Visible messages in a queue."""
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])["Attributes"][name])
