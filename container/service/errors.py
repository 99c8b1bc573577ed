"""Everything that a request can end with but an image, and the one map to status codes."""

from runtime.rejection import Reason, Rejected


class BadRequestError(Exception):
    """The URL asks for what the grammar or the image does not have."""


class NotFoundError(Exception):
    """There is no such image, or no such path."""


class BusyError(Exception):
    """The queue is full; retry later."""


class DeadlineError(Exception):
    """The request took longer than it may."""


class StoreError(Exception):
    """The store of the sources refuses us."""


class UnreachableError(StoreError):
    """The store does not answer, or is in trouble of its own; later it may."""


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
    """One line for whoever asked; of a bug, nothing that is inside."""
    return str(error) if status_of(error) != 500 else "This is an error of the server's; it is in its log."
