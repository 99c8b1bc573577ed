"""The size of the service in each stage."""

from dataclasses import dataclass

from stacks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ServiceSize:
    """The size of a service. min_tasks: how many tasks always run. vcpus, memory_mb: of each task."""

    min_tasks: int
    vcpus: float
    memory_mb: int


def service_size(settings: Settings) -> ServiceSize:
    """Return the size for the stage; in production the service survives the loss of a task or of a zone."""
    if settings.is_production:
        return ServiceSize(min_tasks=2, vcpus=1, memory_mb=4096)
    return ServiceSize(min_tasks=1, vcpus=0.5, memory_mb=2048)
