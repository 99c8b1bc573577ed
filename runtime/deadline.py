"""A deadline for work, in terms of `time.monotonic()`."""


class DeadlineExceededError(Exception):
    """Raised when work misses its deadline; what it has stored so far is incomplete."""
