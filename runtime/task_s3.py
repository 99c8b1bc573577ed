"""The small S3 client in a task, for many small objects: boto3 spends milliseconds of CPU on each PUT.

A task's credentials come from an endpoint and expire; botocore renews them before they do.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
"""

from collections.abc import Mapping

import boto3
from botocore.exceptions import NoCredentialsError

from runtime.slim_s3 import S3

RETRIES = 12
"""Together their pauses take half a minute: S3 may answer 503 while it scales to a higher request rate.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
A failed PUT costs a task the whole attempt, and a task has more time than a function.
"""


def task_s3(session: boto3.Session, *, connections: int) -> S3:
    """Return a client with the session's credentials and Region.

    Raises NoCredentialsError without credentials, ValueError without a Region.
    """
    found = session.get_credentials()
    if found is None:
        raise NoCredentialsError

    def renewed() -> Mapping[str, str]:
        """Return the Region and the current credentials, which are read together to be consistent."""
        now = found.get_frozen_credentials()
        return {
            "AWS_ACCESS_KEY_ID": now.access_key or "",
            "AWS_SECRET_ACCESS_KEY": now.secret_key or "",
            "AWS_SESSION_TOKEN": now.token or "",
            **({"AWS_REGION": session.region_name} if session.region_name else {}),
        }

    return S3(renewed=renewed, connections=connections, retries=RETRIES)
