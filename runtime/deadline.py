"""A deadline that work is given, of `time.monotonic()`."""


class DeadlineExceededError(Exception):
    """The work was not done in time; what it has stored so far is no whole result."""
