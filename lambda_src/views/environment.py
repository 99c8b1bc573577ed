"""Environment variables of the function, set by its stack."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class ViewsEnvironment(Environment):
    """The table of views, and the bucket for malformed records."""

    table: str
    set_aside_bucket: str
