"""What a workload costs a month on each candidate, item by item. USD, us-east-1, list prices."""

from collections.abc import Iterator
from enum import StrEnum
from math import ceil
from typing import NamedTuple, assert_never

from chooser.prices import month, price
from chooser.workload import Workload
from runtime.placement.limits import fargate_size, limit

BUSY = 0.6
"""Of a task's CPU, where the service scales out: stacks/fargate_pattern/http_service.py."""
PULL_SECONDS = 20
"""Of a one-off task are billed before its work, from the image pull on: assumed, of some 45 s to a start."""
INSTANCE_VCPUS = 2
LCU_CONNECTIONS, LCU_GB_HOUR = 25, 1
DISK_INCLUDED_MB = 512
"""https://aws.amazon.com/lambda/pricing/"""
GIB = 1024


class Candidate(StrEnum):
    """Where it may run."""

    LAMBDA = "lambda"
    SERVICE = "fargate service"
    RUN_TASK = "task a job"
    RUN_TASK_SPOT = "task a job, Spot"
    MANAGED = "lambda managed instances"


class Item(NamedTuple):
    """usd: a month. prices: the names in prices.toml that it comes from."""

    what: str
    usd: float
    prices: tuple[str, ...]


def items(candidate: Candidate, load: Workload, architecture: str, *, free: bool = False) -> list[Item]:
    """Every line of the bill. free: with the free tiers that do not end."""
    match candidate:
        case Candidate.LAMBDA:
            found = _lambda(load, architecture, free)
        case Candidate.SERVICE:
            found = _service(load, architecture)
        case Candidate.RUN_TASK:
            found = _tasks(load, architecture, "fargate")
        case Candidate.RUN_TASK_SPOT:
            found = _tasks(load, architecture, "fargate_spot")
        case Candidate.MANAGED:
            found = _managed(load, architecture)
        case _:
            assert_never(candidate)
    return [*found, *_everywhere(load, free)]


def total(candidate: Candidate, load: Workload, architecture: str, *, free: bool = False) -> float:
    """USD a month."""
    return sum(item.usd for item in items(candidate, load, architecture, free=free))


def a_million(candidate: Candidate, load: Workload, architecture: str) -> float:
    """USD of a million more of these; of a service the CPU that they take, which stands anyway, 60 % busy."""
    if candidate is Candidate.SERVICE:
        vcpus, memory = task_size(load)
        hours = 1e6 * load.cpu_seconds(architecture) / 3600 / vcpus / BUSY
        return hours * fargate_month(vcpus, memory, architecture) / 730
    return total(candidate, load._replace(requests=1e6), architecture)


def lambda_gb_seconds(load: Workload, architecture: str) -> float:
    """Of the work itself, without starts."""
    return load.requests * load.seconds(architecture) * load.memory_mb / GIB


def tasks_needed(load: Workload, architecture: str) -> list[int]:
    """Tasks in each hour of a day, their CPU at most 60 % busy; two at least in production.

    Without autoscaling those of the busiest hour, all day.
    """
    vcpus, least = task_size(load)[0], 2 if load.production else 1
    busy = [a_second * load.cpu_seconds(architecture) for a_second in load.a_second]
    needed = [max(least, ceil(one / (vcpus * BUSY))) for one in busy]
    return needed if load.autoscaling else [max(needed)] * len(needed)


def task_size(load: Workload) -> tuple[float, float]:
    """VCPUs and GB of a task that holds the work; beyond the largest there is, what was asked."""
    memory = max(load.memory_mb, load.task_memory_gb * GIB)
    cpu, memory_mb = fargate_size(vcpus=load.task_vcpus, memory_mb=memory) or (load.task_vcpus * GIB, memory)
    return cpu / GIB, memory_mb / GIB


def fargate_month(vcpus: float, memory_gb: float, architecture: str) -> float:
    """USD of one task that runs all month."""
    cpu, memory = month(f"fargate_vcpu_hour_{architecture}"), month(f"fargate_gb_hour_{architecture}")
    return vcpus * cpu + memory_gb * memory


def _lambda(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    per_gb_second = f"lambda_gb_second_{architecture}"
    requests, gb_seconds = load.requests, lambda_gb_seconds(load, architecture)
    starts = load.requests * load.cold_share * load.init_ms / 1000 * load.memory_mb / GIB
    if free:
        requests = max(0, requests - price("free_lambda_requests").usd)
        left = price("free_lambda_gb_seconds").usd
        gb_seconds, left = max(0, gb_seconds - left), max(0, left - gb_seconds)
        starts = max(0, starts - left)
    yield Item(
        what="requests",
        usd=price("lambda_million_requests").of(requests / 1e6),
        prices=("lambda_million_requests",),
    )
    work = price(per_gb_second).of(gb_seconds)
    yield Item(what=f"{gb_seconds:,.0f} GB-s of work", usd=work, prices=(per_gb_second,))
    init = price(per_gb_second).of(gb_seconds + starts) - work
    yield Item(what=f"{starts:,.0f} GB-s of starts", usd=init, prices=(per_gb_second,))
    more = max(0, load.disk_mb - DISK_INCLUDED_MB) / GIB
    if more:
        seconds = load.requests * load.seconds(architecture)
        disk = price("lambda_disk_gb_second").of(more * seconds)
        yield Item(what=f"{more:g} GB more of /tmp", usd=disk, prices=("lambda_disk_gb_second",))


def _service(load: Workload, architecture: str) -> Iterator[Item]:
    needed = tasks_needed(load, architecture)
    tasks = sum(needed) / len(needed)
    names = (f"fargate_vcpu_hour_{architecture}", f"fargate_gb_hour_{architecture}")
    vcpus, memory = task_size(load)
    compute = tasks * fargate_month(vcpus, memory, architecture)
    yield Item(what=f"{round(tasks, 1):g} tasks of {vcpus:g} vCPU, {memory:g} GB", usd=compute, prices=names)
    if load.load_balancer != "none":
        yield Item(
            what=f"{load.load_balancer} load balancer",
            usd=month("load_balancer_hour"),
            prices=("load_balancer_hour",),
        )
        gigabytes = load.requests * (load.payload_in_mb + load.payload_out_mb) / GIB
        units = max(load.requests / 2_628_000 / LCU_CONNECTIONS, gigabytes / 730 / LCU_GB_HOUR)
        usage = month("load_balancer_capacity_hour") * units
        yield Item(what=f"{units:.2f} LCU", usd=usage, prices=("load_balancer_capacity_hour",))
    disk = max(0, load.disk_mb / GIB - limit("fargate.disk_gib_included"))
    if disk:
        usd = tasks * disk * month("fargate_disk_gb_hour")
        yield Item(
            what=f"{round(disk, 1):g} GiB more of disk each", usd=usd, prices=("fargate_disk_gb_hour",)
        )
    # Those of the load balancer stay, and each further task has one of its own.
    addresses = load.addresses + (max(0, tasks - 2) if load.addresses else 0)
    if addresses:
        usd = addresses * month("public_ipv4_hour")
        yield Item(what=f"{round(addresses, 1):g} public IPv4", usd=usd, prices=("public_ipv4_hour",))


def _tasks(load: Workload, architecture: str, kind: str) -> Iterator[Item]:
    vcpus, memory = task_size(load)
    names = (f"{kind}_vcpu_hour_{architecture}", f"{kind}_gb_hour_{architecture}")
    hour = vcpus * price(names[0]).usd + memory * price(names[1]).usd
    seconds = load.task_seconds(architecture, vcpus)
    billed = max(limit("run_task.minimum_billed_seconds"), seconds)
    started = max(billed, seconds + PULL_SECONDS)
    what = f"{load.requests:,.0f} tasks of {vcpus:g} vCPU, {memory:g} GB for {billed:,.0f} s"
    yield Item(what=what, usd=load.requests * billed / 3600 * hour, prices=names)
    starts = load.requests * (started - billed) / 3600 * hour
    yield Item(what="their starts, billed from the image pull", usd=starts, prices=names)
    disk = max(0, load.disk_mb / GIB - limit("fargate.disk_gib_included"))
    if disk:
        usd = price("fargate_disk_gb_hour").of(load.requests * started / 3600 * disk)
        yield Item(what=f"{round(disk, 1):g} GiB more of disk", usd=usd, prices=("fargate_disk_gb_hour",))
    if load.addresses:
        usd = load.requests * started / 3600 * price("public_ipv4_hour").usd
        yield Item(what="a public IPv4 each", usd=usd, prices=("public_ipv4_hour",))


def _managed(load: Workload, architecture: str) -> Iterator[Item]:
    """On the one kind of instance that has a price here; runtime/placement/limits.toml says what it has."""
    busy = max(load.a_second) * load.cpu_seconds(architecture)
    instances = max(int(limit("managed_instances.least_instances")), ceil(busy / (INSTANCE_VCPUS * BUSY)))
    hour = month("managed_instance_hour") * (1 + price("managed_instance_fee_share").usd)
    names = ("managed_instance_hour", "managed_instance_fee_share")
    yield Item(what=f"{instances:,} m7g.large and their fee", usd=instances * hour, prices=names)
    requests = price("lambda_million_requests").of(load.requests / 1e6)
    yield Item(what="requests", usd=requests, prices=("lambda_million_requests",))


def _everywhere(load: Workload, free: bool) -> Iterator[Item]:
    logs = load.requests * load.log_kb / 1e6
    yield Item(what=f"{logs:,.2f} GB of logs", usd=price("logs_gb").of(logs), prices=("logs_gb",))
    if load.internet and load.payload_out_mb:
        out = load.requests * load.payload_out_mb / GIB
        billed = max(0, out - price("free_transfer_out_gb").usd) if free else out
        usd = price("transfer_out_gb").of(billed)
        yield Item(what=f"{out:,.1f} GB out to the internet", usd=usd, prices=("transfer_out_gb",))
