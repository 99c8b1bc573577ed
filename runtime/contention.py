"""Conflicts between several writers."""


class ContentionError(Exception):
    """Raised when every attempt at a conditional write lost to another writer; transient."""
