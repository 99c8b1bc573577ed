"""What the function is told by its stack."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class ViewsEnvironment(Environment):
    """Where views are counted, and the bucket in which malformed records are set aside."""

    table: str
    set_aside_bucket: str
