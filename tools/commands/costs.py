"""The cost of a million requests or jobs, from the time that one took here."""

from chooser import candidates
from chooser.candidates import Candidate
from chooser.workload import Workload
from runtime.placement.limits import limit
from stacks.fargate_pattern.size import service_size
from stacks.settings import Settings

ONE_VCPU_MB = limit("lambda.vcpu_at_mb")
SANDBOX = Settings()


def workload(
    milliseconds: float,
    *,
    puts: int = 0,
    events: int = 0,
    architecture: str = "x86_64",
    settings: Settings = SANDBOX,
) -> Workload:
    """Return the workload of one request, with `puts` writes to S3 and one read.

    Tasks have the image service's size.

    Each event costs three requests to SQS: it is sent, received and deleted.
    """
    task = service_size(settings)
    return Workload(
        name="",
        requests=1,
        duration_ms={architecture: max(1, milliseconds)},
        memory_mb=ONE_VCPU_MB,
        puts=puts,
        gets=1,
        events=events,
        messages=3 * events,
        addresses=0,
        task_vcpus=task.vcpus,
        task_memory_gb=task.memory_mb / 1024,
    )


def a_million(where: Candidate, milliseconds: float, *, puts: int = 0, events: int = 0) -> str:
    """Return the cost of a million requests or jobs as text, at prices of x86_64, where most are measured."""
    load = workload(milliseconds, puts=puts, events=events)
    if where not in candidates.SERVICES:
        load = load._replace(task_vcpus=0, task_memory_gb=0)
    return f"${candidates.a_million(where, load, 'x86_64'):,.2f}"
