"""How large the service is in each stage."""

from dataclasses import dataclass

from stacks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ServiceSize:
    """min_tasks: that always run. vcpus, memory_mb: of each."""

    min_tasks: int
    vcpus: float
    memory_mb: int


def service_size(settings: Settings) -> ServiceSize:
    """Production survives the loss of a zone, and a task."""
    if settings.is_production:
        return ServiceSize(min_tasks=2, vcpus=1, memory_mb=4096)
    return ServiceSize(min_tasks=1, vcpus=0.5, memory_mb=2048)
