"""Which errors are worth another attempt."""

import pytest
from botocore.exceptions import ClientError

from runtime.exits import AGAIN, FAILED, exit_code


@pytest.mark.parametrize(
    ("code", "status", "means"),
    [
        ("InternalError", 500, AGAIN),
        ("SlowDown", 503, AGAIN),
        ("RequestThrottled", 403, AGAIN),  # SQS
        ("ThrottlingException", 400, AGAIN),  # DynamoDB
        ("KMS.ThrottlingException", 400, AGAIN),  # S3
        ("TooManyRequestsException", 429, AGAIN),
        ("ExpiredTokenException", 400, AGAIN),  # DynamoDB
        ("AccessDenied", 403, FAILED),
        ("NoSuchBucket", 404, FAILED),
    ],
)
def test_throttling_and_expired_credentials_are_transient_and_a_refusal_is_not(
    code: str, status: int, means: int
) -> None:
    answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert exit_code(ClientError(answer, "Call"))[0] == means  # type: ignore[arg-type]
