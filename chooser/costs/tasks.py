"""Monthly bills of Fargate: a service, a worker service that scales to zero, and a task per job."""

from collections.abc import Callable, Iterator

from chooser.costs.around import (
    cloudfront,
    http_api,
    load_balancer,
    logs,
    network,
    requests_elsewhere,
    transfer,
)
from chooser.costs.items import Item, standing
from chooser.costs.sizing import (
    ADDRESS,
    Part,
    Size,
    cheapest,
    service_tasks,
    task_hour,
    worker_tasks,
)
from chooser.prices import HOURS
from chooser.workload import Workload
from runtime.placement.limits import limit

PUBLIC_ADDRESSES = 2
"""Addresses of a public load balancer: one in each of two zones."""
Count = Callable[[Workload, str, float, float], tuple[float, ...]]
ON_DEMAND, SPOT = "fargate", "fargate_spot"


def service_size(load: Workload, architecture: str) -> Size:
    """Return the service's task size: as the workload sets it, or the cheapest over the month."""
    return _standing_size(load, architecture, service_tasks)


def worker_size(load: Workload, architecture: str) -> Size:
    """Return the worker's task size: as the workload sets it, or the cheapest over the month."""
    return _standing_size(load, architecture, worker_tasks)


def _standing_size(load: Workload, architecture: str, tasks: Count) -> Size:
    return cheapest(
        load,
        lambda vcpus, memory: tasks(load, architecture, vcpus, memory),
        lambda size: sum(item.usd for item in _standing(load, architecture, size)),
        load.least_mb,
    )


def job_size(load: Workload, architecture: str, kind: str) -> Size:
    """Return the size of a task that does one job: as the workload sets it, or the cheapest."""
    found = cheapest(
        load,
        lambda vcpus, _: (vcpus,),  # a different count for each, so that all sizes are compared
        lambda size: sum(item.usd for item in _jobs(load, architecture, kind, size)),
        load.least_mb,
    )
    return found._replace(tasks=(1.0,))


def service(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    """Yield the cost of a service: its tasks, its entry point and everything around them."""
    yield from _standing(load, architecture, service_size(load, architecture))
    yield from _before(load, free)
    yield from _around(load, load.balancer, free)


def worker(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    """Yield the cost of tasks that scale with a queue's length."""
    yield from _standing(load, architecture, worker_size(load, architecture))
    yield from _around(load, "none", free)


def job(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    """Yield the cost of a task per job."""
    yield from _jobs(load, architecture, ON_DEMAND, job_size(load, architecture, ON_DEMAND))
    yield from _around(load, "none", free)


def spot_job(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    """Yield the cost of a task per job on Spot."""
    yield from _jobs(load, architecture, SPOT, job_size(load, architecture, SPOT))
    yield from _around(load, "none", free)


def _standing(load: Workload, architecture: str, size: Size) -> Iterator[Item]:
    hours, others = size.task_hours, list[Part]()
    for share, kind in ((1 - load.spot_share, ON_DEMAND), (load.spot_share, SPOT)):
        if share:
            compute, *others = task_hour(load, architecture, size.vcpus, size.memory_gb, kind)
            on = " on Spot" if kind == SPOT else ""
            what = f"{round(size.average * share, 1):g} tasks{on} of {size}"
            yield Item(what, hours * share * compute.usd, compute.prices)
            if starts := size.starts * share * load.pull_seconds / 3600:
                yield Item("starts of tasks, from the image pull", starts * compute.usd, compute.prices)
    for part in others:
        yield from _each(load, size, part)
    if load.balancer == "api-gateway":
        yield standing(load, "tasks in Cloud Map", size.average, "cloud_map_instance_month")


def _each(load: Workload, size: Size, part: Part) -> Iterator[Item]:
    """Yield the cost of a part that every task has.

    The workload's `addresses`, if given, counts the load balancer's and the first task's (in production, the
    first two tasks').
    """
    count = size.average
    if part.what == ADDRESS and load.addresses is not None:
        count = load.addresses + max(0, size.average - (2 if load.production else 1))
    yield Item(f"{round(count, 1):g} x {part.what}", count * HOURS * part.usd, part.prices)


def _before(load: Workload, free: bool) -> Iterator[Item]:
    way, said = load.balancer, load.addresses is not None
    if way in ("public", "internal", "shared"):
        share = 1 / load.sharing if way == "shared" else 1
        yield from load_balancer(load, f"{way} load balancer", share)
        if way != "internal" and not said:
            what = "public IPv4 of the load balancer"
            yield standing(load, what, PUBLIC_ADDRESSES * share, "public_ipv4_hour")
    if way == "internal":
        yield cloudfront(load, free)
    if way == "api-gateway":
        yield http_api(load)


def _jobs(load: Workload, architecture: str, kind: str, size: Size) -> Iterator[Item]:
    seconds = load.task_seconds(architecture, size.vcpus)
    billed = max(limit("run_task.minimum_billed_seconds"), seconds)
    started = max(billed, seconds + load.pull_seconds)
    compute, *others = task_hour(load, architecture, size.vcpus, size.memory_gb, kind)
    what = f"{load.runs:,.0f} tasks of {size} for {billed:,.0f} s"
    yield Item(what, load.runs * billed / 3600 * compute.usd, compute.prices)
    pulls = load.runs * (started - billed) / 3600
    yield Item("starts of tasks, billed from the image pull", pulls * compute.usd, compute.prices)
    again = 0.0
    if kind == SPOT:
        interrupted = load.runs * load.spot_interruptions * seconds / 3600
        again = interrupted * (seconds / 2 + load.pull_seconds) / 3600
        what = f"{interrupted:,.0f} interruptions, each repeating half a run"
        yield Item(what, again * compute.usd, compute.prices)
    hours = load.runs * started / 3600 + again
    for part in others:
        yield Item(f"{part.what} in every task", hours * part.usd, part.prices)


def _around(load: Workload, way: str, free: bool) -> Iterator[Item]:
    yield from network(load)
    yield from requests_elsewhere(load, free)
    yield logs(load, "logs_gb", free)
    yield from transfer(load, way, free)
