"""Conflicts between several writers."""


class ContentionError(Exception):
    """Raised when every attempt to write an item lost against another writer; transient."""
