"""The size of the service in each stage."""

from dataclasses import dataclass

from stacks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ServiceSize:
    """min_tasks: how many always run. vcpus, memory_mb: per task."""

    min_tasks: int
    vcpus: float
    memory_mb: int


def service_size(settings: Settings) -> ServiceSize:
    """Return a size that, in production, survives the loss of a zone or of a task."""
    if settings.is_production:
        return ServiceSize(min_tasks=2, vcpus=1, memory_mb=4096)
    return ServiceSize(min_tasks=1, vcpus=0.5, memory_mb=2048)
