"""Conflicts between several writers."""


class ContentionError(Exception):
    """Raised when an item changed before every try to write it; transient."""
