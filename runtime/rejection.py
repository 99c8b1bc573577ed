"""Reasons for rejecting an input permanently: no retry can succeed."""

from enum import StrEnum


class Reason(StrEnum):
    """The codes in `rejected/{job_id}.json`, for programs; the message beside a code is for people."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not-an-image"
    UNSUPPORTED_FORMAT = "unsupported-format"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    TOO_MANY_PIXELS = "too-many-pixels"
    TOO_MANY_BYTES = "too-many-bytes"
    TOO_LONG = "too-long"
    NO_VIDEO = "no-video"
    ENCRYPTED = "encrypted"
    TOO_MUCH_WORK = "too-much-work"
    """No task is large enough, or fast enough for the deadline; or a video's index takes too much memory."""
    SOURCE_GONE = "source-gone"
    UNREADABLE = "unreadable"
    """S3 cannot return the object.

    It is archived, encrypted with a key that we may not use, or has a name that no URL can carry.
    """


class Rejected(Exception):
    """Raised for an input that is rejected permanently.

    reason: the code. message: tells the uploader what is wrong and, in most cases, what to do.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    @property
    def one_line(self) -> str:
        """Code and message in one line."""
        return f"{self.reason}: {self.message}"


def check_bytes(size: int, most: int) -> None:
    """Check the size of a file in bytes. Raises Rejected TOO_MANY_BYTES."""
    if size > most:
        raise Rejected(
            Reason.TOO_MANY_BYTES,
            f"The file has {size:,} bytes; at most {most:,} are accepted. Upload a smaller one.",
        )
