"""Errors that end a request, and the only mapping of errors to status codes."""

from runtime.rejection import Reason, Rejected


class BadRequestError(Exception):
    """Raised when the URL is malformed, or requests what the image or the service does not offer."""


class NotFoundError(Exception):
    """Raised when there is no such image or path."""


class BusyError(Exception):
    """Raised when the queue or the memory for images is full; transient."""


class DeadlineError(Exception):
    """Raised when the request exceeds its deadline."""


class StoreError(Exception):
    """Raised when the store refuses a request: access is denied, for example, or there is no bucket."""


class UnreachableError(StoreError):
    """Raised when the store does not respond, or reports a failure of its own; transient."""


RETRY_AFTER_SECONDS = 2
STATUS: dict[type[Exception], int] = {
    BadRequestError: 400,
    NotFoundError: 404,
    Rejected: 422,
    StoreError: 502,
    BusyError: 503,
    DeadlineError: 503,
}


def status_of(error: Exception) -> int:
    """Return the status code of an error. Unmapped exceptions are bugs and become 500."""
    if isinstance(error, Rejected) and error.reason in (Reason.TOO_MANY_BYTES, Reason.TOO_MANY_PIXELS):
        return 413
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def reason_of(error: Exception) -> str:
    """Return one line for the client; for a bug, nothing internal."""
    return str(error) if status_of(error) != 500 else "Internal error; the server's log has the details."
