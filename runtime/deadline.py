"""The error for a missed deadline."""


class DeadlineExceededError(Exception):
    """Raised when work misses its deadline; what it has stored so far is incomplete."""
