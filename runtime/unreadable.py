"""Decides whether S3's refusal to return a source is a rejection or is raised as it is."""

from botocore.exceptions import ClientError

from runtime.events import GONE
from runtime.rejection import Reason, Rejected

_NO_ADDRESS = (
    "Its name begins with a slash and has characters that no URL can carry. Upload it under another name."
)
_ARCHIVED = "It is in an archive storage class. Restore it, and upload the copy."
_KMS_CODES = {
    *("KMS.DisabledException", "KMS.InvalidKeyUsageException", "KMS.KMSInvalidStateException"),
    "KMS.NotFoundException",
}
"""Codes of permanent errors of KMS, as S3 passes them on."""
_KMS_DENIALS = ("kms:Decrypt", "ciphertext refers to a")
"""Parts of the messages for a key that denies access, and for one of another account or that is gone."""
_FOREIGN_KEY = (
    "It is encrypted with a key that this service may not use. Upload it with the bucket's own encryption."
)


def unreadable(error: ClientError) -> Exception:
    """Return the exception to raise: a Rejected, or `error` itself if it does not mean a rejection.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html and
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
    """
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in GONE:
        return Rejected(Reason.SOURCE_GONE, "The file was deleted before it was processed.")
    if code == "InvalidURI":
        return Rejected(Reason.UNREADABLE, _NO_ADDRESS)
    if code == "InvalidObjectState":
        return Rejected(Reason.UNREADABLE, _ARCHIVED)
    by_customers_key = code == "InvalidRequest" and "Server Side Encryption" in message
    denied = code == "AccessDenied" and any(part in message for part in _KMS_DENIALS)
    if by_customers_key or denied or code in _KMS_CODES:
        return Rejected(Reason.UNREADABLE, _FOREIGN_KEY)
    return error
