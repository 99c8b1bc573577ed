"""How an attempt of a job ends, as an exit code: what the worker's contract says whatever its language is."""

from subprocess import CalledProcessError

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from runtime.contention import ContentionError
from runtime.deadline import DeadlineExceededError

DONE, FAILED, REJECTED, AGAIN = 0, 1, 3, 4
"""Anything else is a failure too."""
TRANSIENT = {
    *("SlowDown", "ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"),
    *("RequestTimeout", "RequestTimeTooSkewed", "ExpiredToken", "ConditionalRequestConflict"),
}
"""Client errors that are transient."""
EXPECTED = (
    DeadlineExceededError,
    ClientError,
    BotoCoreError,
    Boto3Error,  # a stream broke too often
    HTTPError,  # the same of a connection of the small client
    ContentionError,
    MemoryError,  # of this task, not of the file
    OSError,  # the same: its disk, say
    CalledProcessError,  # a program that speaks by the same codes
)
"""What an attempt may raise beside a rejection; anything else is an error in the code."""


class StoppedError(BaseException):
    """The task is told to end; no Exception, or botocore would take it for a connection's and try again."""


def exit_code(error: BaseException) -> tuple[int, str]:
    """AGAIN for what is transient and FAILED for the rest, with a sentence for the log."""
    match error:
        case StoppedError():
            return AGAIN, "Told to stop: the next attempt begins anew."
        case DeadlineExceededError():
            return FAILED, f"Its deadline has passed: {error}"
        case ClientError():
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            transient = status >= 500 or error.response["Error"]["Code"] in TRANSIENT
            return AGAIN if transient else FAILED, str(error)
        case BotoCoreError() | Boto3Error() | HTTPError() | ContentionError():
            return AGAIN, str(error)
        case CalledProcessError():
            return AGAIN if error.returncode == AGAIN else FAILED, str(error)
        case MemoryError() | OSError():
            return AGAIN, f"{type(error).__name__}: {error}"
    return FAILED, f"{type(error).__name__}: {error}"
