"""The cheapest Fargate task size, and the task count for a load: by CPU, memory and concurrency."""

from collections.abc import Callable, Iterator
from math import ceil, exp, floor
from typing import NamedTuple

from chooser.prices import HOURS, Price
from chooser.workload import Workload
from runtime.placement.limits import FARGATE_SIZES, fargate_size, limit

GIB = 1024
BUSY = 0.6
"""Target utilisation of a task's CPU, request memory and concurrency at the peak; it equals the CPU
target in stacks/fargate_pattern/http_service.py.
"""
WORKER_BUSY = 0.9
"""Target utilisation of a worker; bursts wait in the queue."""
OPEN_CONNECTIONS = 10_000
"""Open connections per task, assumed: about ten thousand are usual for one event loop process."""
DAYS = HOURS / 24
ADDRESS = "public IPv4"


class Part(NamedTuple):
    """A component of a task's hourly price. usd: per hour."""

    what: str
    usd: float
    prices: tuple[Price, ...]


class Size(NamedTuple):
    """A task size, and the task count in each hour of the day; a single 1 for a task per job."""

    vcpus: float
    memory_gb: float
    tasks: tuple[float, ...]

    @property
    def average(self) -> float:
        """Average number of tasks over the day."""
        return sum(self.tasks) / len(self.tasks)

    @property
    def task_hours(self) -> float:
        """Task hours per month."""
        return self.average * HOURS

    @property
    def starts(self) -> float:
        """Task starts per month: by how much each hour's tasks exceed those of the hour before."""
        before = (self.tasks[-1], *self.tasks)
        return DAYS * sum(max(0, after - one) for one, after in zip(before, self.tasks, strict=False))

    def __str__(self) -> str:
        return f"{self.vcpus:g} vCPU, {self.memory_gb:g} GB"


def sizes(load: Workload, least_mb: float) -> Iterator[tuple[float, list[float]]]:
    """Yield vCPUs with the MB to choose from; what the user set is kept, or raised if it is too small.

    If no size is large enough, yield the needed memory, with the user's vCPUs if the user set both, else
    with the most vCPUs.
    """
    vcpus, memory = load.task_vcpus, load.task_memory_gb * GIB
    if vcpus and memory:
        cpu, found = fargate_size(vcpus=vcpus, memory_mb=max(memory, least_mb)) or (vcpus * GIB, least_mb)
        yield cpu / GIB, [found]
        return
    least, any_at_all = max(least_mb, memory), False
    for units, memories in FARGATE_SIZES.items():
        among = [float(one) for one in memories if one >= least]
        if among and units >= vcpus * GIB:
            any_at_all = True
            yield units / GIB, among[:1] if memory else among
            if vcpus:
                return
    if not any_at_all:
        yield limit("fargate.vcpus"), [least]


def at_once(load: Workload, memory_mb: float) -> float:
    """Return how many requests a process with that memory works on at once: task_concurrency at most."""
    room = memory_mb - load.in_memory
    if not load.in_flight_mb or room / load.in_flight_mb >= load.task_concurrency:
        return load.task_concurrency
    return floor(room / load.in_flight_mb + 1e-9)


def task_hour(load: Workload, architecture: str, vcpus: float, memory_gb: float, kind: str) -> list[Part]:
    """Return the parts of a task's hourly price: compute, disk beyond what is included, and public IPv4.

    The address is a part only if `addresses` is above 0, or is not given and there is no other egress.
    """
    cpu, memory = (load.price(f"{kind}_{unit}_hour_{architecture}") for unit in ("vcpu", "gb"))
    parts = [Part("compute", vcpus * cpu.usd + memory_gb * memory.usd, (cpu, memory))]
    disk = max(0, load.disk_mb / GIB - limit("fargate.disk_gib_included"))
    if disk:
        found = load.price("fargate_disk_gb_hour")
        parts.append(Part(f"{round(disk, 1):g} GiB more of disk", disk * found.usd, (found,)))
    if load.addresses if load.addresses is not None else not (load.nat_gateways or load.endpoints):
        found = load.price("public_ipv4_hour")
        parts.append(Part(ADDRESS, found.usd, (found,)))
    return parts


def service_tasks(load: Workload, architecture: str, vcpus: float, memory_mb: float) -> tuple[float, ...]:
    """Return tasks in each hour of the day: at least two in production.

    Without autoscaling, the busiest hour's tasks run all day.
    """
    each, least = at_once(load, memory_mb), 2.0 if load.production else 1.0
    cpu = service_cpu_seconds(load, architecture)
    kept, from_memory = load.cached_share, load.cached_ms / 1000 / min(load.threads, vcpus)
    seconds = (1 - kept) * load.task_seconds(architecture, vcpus) + kept * from_memory
    one = max(cpu / vcpus, seconds / max(1, each)) / BUSY
    open_ones = load.connections / OPEN_CONNECTIONS / BUSY if load.long_connections else 0
    rates = load.per_second
    if not load.autoscaling:
        rates = (max(rates),) * len(rates)
    needed = {rate: max(least, ceil(max(rate * one, open_ones) - 1e-9)) for rate in {*rates}}
    return tuple([needed[rate] for rate in rates])


def service_cpu_seconds(load: Workload, architecture: str) -> float:
    """Return CPU seconds per request in a long-running process that answers some from memory."""
    kept = load.cached_share
    return (1 - kept) * load.cpu_seconds(architecture) + kept * load.cached_ms / 1000


def worker_tasks(load: Workload, architecture: str, vcpus: float, memory_mb: float) -> tuple[float, ...]:
    """Return the expected tasks in each hour of the day: at least one if a job comes, none otherwise."""
    cpu, seconds = load.cpu_seconds(architecture), load.task_seconds(architecture, vcpus)
    one = max(cpu / vcpus, seconds / max(1, at_once(load, memory_mb))) / WORKER_BUSY
    needed = []
    for average in load.averages:  # a burst waits in the queue
        rate = average * load.attempts
        busy = rate * one
        needed.append(float(ceil(busy - 1e-9)) if busy > 1 else max(busy, 1 - exp(-rate * 3600)))
    return tuple(needed)


def cheapest(
    load: Workload,
    tasks: Callable[[float, float], tuple[float, ...]],
    usd: Callable[[Size], float],
    least_mb: float,
) -> Size:
    """Return the cheapest size that carries the load. usd: the part of the bill that depends on the size."""
    best, least = Size(0, 0, (0,)), float("inf")
    before: tuple[float, ...] = ()
    for vcpus, memories in sizes(load, least_mb):
        fewest = tasks(vcpus, float("inf"))
        if fewest == before:
            break  # as many as with fewer vCPUs, so all that follows is dearer
        for memory in memories:
            size = Size(vcpus, memory / GIB, fewest)
            if (cost := usd(size)) >= least:
                break  # and with more memory it is dearer still
            found = tasks(vcpus, memory)
            if found != fewest:
                size = size._replace(tasks=found)
                cost = usd(size)
            if cost < least:
                best, least = size, cost
            if found == fewest:
                before = found if memory == memories[0] else before
                break
    return best
