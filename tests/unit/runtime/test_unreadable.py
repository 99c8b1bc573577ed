"""Some errors from S3 reject an upload for good; all others are raised as they are."""

import pytest
from botocore.exceptions import ClientError

from runtime.rejection import Rejected
from runtime.unreadable import unreadable

SSE_C = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided."
)
KMS = "User: arn:aws:sts::1:assumed-role/a/b is not authorized to perform: kms:Decrypt on resource"

GONE_KEY = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
    "or you are not allowed to access."
)


def refused(code: str, message: str = "") -> Exception:
    return unreadable(ClientError({"Error": {"Code": code, "Message": message}}, "GetObject"))


@pytest.mark.parametrize(
    ("code", "message", "reason", "advice"),
    [
        ("NoSuchVersion", "", "source-gone", "deleted"),
        ("InvalidURI", "", "unreadable", "another name"),
        ("InvalidObjectState", "", "unreadable", "Restore it"),
        ("InvalidRequest", SSE_C, "unreadable", "the bucket's own encryption"),
        ("AccessDenied", KMS, "unreadable", "the bucket's own encryption"),
        ("AccessDenied", GONE_KEY, "unreadable", "the bucket's own encryption"),
        ("KMS.DisabledException", "", "unreadable", "the bucket's own encryption"),
    ],
)
def test_an_object_that_can_never_be_read_is_a_rejection_that_says_what_to_do(
    code: str, message: str, reason: str, advice: str
) -> None:
    rejected = refused(code, message)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason
    assert advice in rejected.message


@pytest.mark.parametrize(
    "code", ["SlowDown", "AccessDenied", "InternalError", "InvalidRequest", "KMS.ThrottlingException"]
)
def test_every_other_refusal_is_raised_as_it_is(code: str) -> None:
    assert isinstance(refused(code), ClientError)
