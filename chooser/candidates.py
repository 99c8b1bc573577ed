"""The candidates: each with its bill, its size and the limits that rule it out."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from chooser.costs import functions, tasks
from chooser.costs.around import requests_elsewhere
from chooser.costs.items import Item
from chooser.costs.sizing import BUSY, Size, service_cpu_seconds, task_hour
from chooser.workload import Workload
from runtime.placement.limits import Limit, limits


class Candidate(StrEnum):
    """A way to run the work."""

    LAMBDA = "lambda"
    PROVISIONED = "lambda, provisioned concurrency"
    MANAGED = "lambda managed instances"
    SERVICE = "fargate service"
    SHARED = "fargate service, shared load balancer"
    CLOUDFRONT = "fargate service behind CloudFront"
    API_GATEWAY = "fargate service, API Gateway"
    WORKER = "fargate worker service"
    RUN_TASK = "task per job"
    RUN_TASK_SPOT = "task per job, Spot"


FUNCTIONS = (Candidate.LAMBDA, Candidate.PROVISIONED, Candidate.MANAGED)
SERVICES = {
    Candidate.SERVICE: "",
    Candidate.SHARED: "shared",
    Candidate.CLOUDFRONT: "internal",
    Candidate.API_GATEWAY: "api-gateway",
}
"""Services with the `load_balancer` that each implies; "" keeps the workload's own."""
JOBS = (Candidate.RUN_TASK, Candidate.RUN_TASK_SPOT)


class Reason(NamedTuple):
    """Why a candidate is ruled out.

    value: the limit, or the seconds that a start takes; asked: what the workload needs; bound: the limit with
    its source, or None if the workload itself rules the candidate out.
    """

    name: str
    value: float
    asked: float
    bound: Limit | None = None

    @property
    def quantity(self) -> str:
        """The limit's name without its service: `start_seconds` of `fargate.start_seconds`."""
        return self.name.rpartition(".")[2]


def considered(load: Workload) -> Iterator[Candidate]:
    """Yield candidates that make sense for the workload, whether or not they are possible."""
    called = load.way_in != "none"
    yield Candidate.LAMBDA
    if called:
        yield Candidate.PROVISIONED
    yield Candidate.MANAGED
    yield Candidate.SERVICE
    if called and not load.load_balancer:
        yield Candidate.CLOUDFRONT
        yield Candidate.API_GATEWAY
        if load.sharing > 1:
            yield Candidate.SHARED
    if not called:
        yield Candidate.WORKER
    yield from JOBS


def placed(candidate: Candidate, load: Workload) -> Workload:
    """Return the workload with the load balancer that the candidate implies, if any."""
    way = "none" if candidate is Candidate.WORKER else SERVICES.get(candidate)
    return load._replace(load_balancer=way) if way else load


def bill(candidate: Candidate, load: Workload, architecture: str, *, free: bool = False) -> list[Item]:
    """Return every line of a monthly bill. free: with the free tiers that do not expire."""
    return [*BILLS[candidate](placed(candidate, load), architecture, free)]


def total(candidate: Candidate, load: Workload, architecture: str, *, free: bool = False) -> float:
    """Return the total of the bill, in USD per month."""
    return sum(item.usd for item in bill(candidate, load, architecture, free=free))


def a_million(candidate: Candidate, load: Workload, architecture: str) -> float:
    """Return the cost of a million requests, in USD.

    For SERVICES, that of a million more: CPU and memory at 60 % utilisation, and requests to other AWS
    services. For other candidates, a whole month's bill with a million requests.
    """
    at = load._replace(requests=1e6)
    items = bill(candidate, at, architecture)
    if candidate not in SERVICES:
        return sum(item.usd for item in items)
    found = tasks.service_size(at, architecture)
    compute, *_ = task_hour(at, architecture, found.vcpus, found.memory_gb, tasks.ON_DEMAND)
    hours = at.runs * service_cpu_seconds(at, architecture) / 3600 / found.vcpus / BUSY
    return hours * compute.usd + sum(item.usd for item in requests_elsewhere(at, False))


def size(candidate: Candidate, load: Workload, architecture: str) -> Size | None:
    """Return the size of the candidate's tasks, if it has any."""
    at = placed(candidate, load)
    if candidate in SERVICES:
        return tasks.service_size(at, architecture)
    if candidate is Candidate.WORKER:
        return tasks.worker_size(at, architecture)
    if candidate in JOBS:
        kind = tasks.SPOT if candidate is Candidate.RUN_TASK_SPOT else tasks.ON_DEMAND
        return tasks.job_size(at, architecture, kind)
    return None


def violations(candidate: Candidate, load: Workload, architecture: str) -> Iterator[Reason]:
    """Yield the reasons that rule a candidate out, with their numbers."""
    for name, asked in _asked(candidate, placed(candidate, load), architecture):
        bound = limits().get(name)
        if bound and asked > bound.value:
            yield Reason(name, bound.value, asked, bound)
    slow = {Candidate.WORKER: "worker", **dict.fromkeys(JOBS, "fargate")}.get(candidate)
    if slow:
        bound = limits()[f"{slow}.start_seconds"]
        if bound.value > load.start_seconds:
            yield Reason(bound.name, bound.value, load.start_seconds, bound)
    if candidate in JOBS and load.way_in != "none":
        yield Reason("called", 0, 1)
    late = load.cold_share > load.late_share and load.init_ms / 1000 > load.start_seconds
    if candidate is Candidate.LAMBDA and late:
        yield Reason("init_ms", load.init_ms / 1000, load.start_seconds)
    if candidate is Candidate.RUN_TASK_SPOT and not load.interruptible:
        yield Reason("interruptible", 0, 1)


def _asked(candidate: Candidate, load: Workload, architecture: str) -> Iterator[tuple[str, float]]:
    """Yield names of limits with what the workload needs of each."""
    disk, gpu, answer = load.disk_mb, float(load.gpu), load.payload_out_mb
    if candidate in FUNCTIONS:
        group = "managed_instances" if candidate is Candidate.MANAGED else "lambda"
        seconds = max(load.duration_ms.values()) / 1000 if load.long_connections else load.longest_seconds
        queued = load.way_in == "none"
        yield f"{group}.{'seconds' if queued or group == 'lambda' else 'synchronous_seconds'}", seconds
        yield f"{group}.memory_mb", load.memory_mb
        yield f"{group}.disk_mb", disk
        yield f"{group}.gpu", gpu
        yield "lambda.event_mb" if queued else f"{group}.request_mb", load.payload_in_mb
        streams = load.way_in in ("function-url", "cloudfront") and candidate is not Candidate.MANAGED
        yield f"{group}.{'streamed_response_mb' if streams else 'response_mb'}", answer
        yield "lambda.image_gb", load.image_gb
        yield f"{group}.connections", float(load.long_connections and load.way_in != "websocket-api")
        way = load.way_in.replace("-", "_")
        yield f"{way}.seconds", seconds
        yield f"{way}.response_mb", answer
        yield f"{way}.function_response_mb", max(answer, load.payload_in_mb)
        yield f"{way}.message_mb", max(answer, load.payload_in_mb)
        if candidate is Candidate.MANAGED:
            yield "managed_instances.priced_memory_mb", load.memory_mb
            yield "managed_instances.priced_gpu", gpu
            only_x86 = "arm64" not in load.duration_ms or architecture == "x86_64"
            yield "managed_instances.priced_x86_64", float(only_x86)
        return
    yield "fargate.memory_mb", load.memory_mb
    yield "fargate.disk_gib", disk / 1024
    yield "fargate.gpu", gpu
    if load.balancer == "internal" and candidate in SERVICES and not load.long_connections:
        yield "cloudfront.seconds", load.longest_seconds
    if load.balancer == "api-gateway" and candidate in SERVICES:
        yield "http_api.seconds", load.longest_seconds
        yield "http_api.response_mb", answer
        yield "http_api.request_mb", load.payload_in_mb
        yield "run_task.connections", float(load.long_connections)
    if candidate is Candidate.WORKER:
        yield "run_task.connections", float(load.long_connections)
    if candidate in JOBS:
        yield "run_task.connections", float(load.long_connections)
        yield "run_task.starts_a_second", max(load.per_second)


BILLS = {
    Candidate.LAMBDA: functions.on_demand,
    Candidate.PROVISIONED: functions.provisioned,
    Candidate.MANAGED: functions.managed,
    **dict.fromkeys(SERVICES, tasks.service),
    Candidate.WORKER: tasks.worker,
    Candidate.RUN_TASK: tasks.job,
    Candidate.RUN_TASK_SPOT: tasks.spot_job,
}
