"""Exit codes of an attempt: the contract for a worker in any language."""

from subprocess import CalledProcessError, SubprocessError

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from runtime.contention import ContentionError
from runtime.deadline import DeadlineExceededError

DONE, FAILED, REJECTED, AGAIN = 0, 1, 3, 4
"""Exit codes; any other counts as FAILED, except those of a killed process."""
TRANSIENT = {
    *("SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled"),
    *("RequestThrottledException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"),
    *("RequestTimeout", "RequestTimeTooSkewed", "ExpiredToken", "ExpiredTokenException"),
    *("ConditionalRequestConflict", "KMS.ThrottlingException"),
}
"""Error codes of ClientError that are transient, as are status 429 and every status of 500 or more."""
EXPECTED = (
    DeadlineExceededError,
    ClientError,
    BotoCoreError,
    Boto3Error,  # a download's stream broke at every try
    HTTPError,  # a connection of the small S3 client failed at every try
    ContentionError,
    MemoryError,  # the task's fault, not the file's
    OSError,  # likewise; a full disk, for example
    SubprocessError,  # a program's exit code, which has the same meaning, or its unusable manifest
)
"""Errors that an attempt may raise, apart from a rejection and StoppedError; any other is a bug."""


class StoppedError(BaseException):
    """Raised when the task is told to stop.

    Not an Exception, or botocore would retry it as a connection error.
    """


def exit_code(error: BaseException) -> tuple[int, str]:
    """Return AGAIN for transient errors and FAILED for others, with a sentence for the log."""
    match error:
        case StoppedError():
            return AGAIN, "Told to stop: the next attempt starts over."
        case DeadlineExceededError():
            return FAILED, f"Its deadline has passed: {error}"
        case ClientError():
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            transient = status == 429 or status >= 500 or error.response["Error"]["Code"] in TRANSIENT
            return AGAIN if transient else FAILED, str(error)
        case BotoCoreError() | Boto3Error() | HTTPError() | ContentionError():
            return AGAIN, str(error)
        case CalledProcessError():
            return AGAIN if error.returncode == AGAIN else FAILED, str(error)
        case MemoryError() | OSError():
            return AGAIN, f"{type(error).__name__}: {error}"
    return FAILED, f"{type(error).__name__}: {error}"
