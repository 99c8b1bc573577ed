"""The bills of a function: on demand, with provisioned concurrency, and on Managed Instances."""

from collections.abc import Iterator
from math import ceil

from chooser.costs.around import front_door, logs, network, requests_elsewhere, transfer
from chooser.costs.items import GIB, Item, beyond_free, priced
from chooser.costs.sizing import BUSY, at_once
from chooser.prices import month, price
from chooser.workload import SECONDS_A_MONTH, Workload
from runtime.placement.limits import limit

PROVISIONED_BUSY = 0.7
"""https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html suggests it as a target"""
DISK_INCLUDED_MB = 512
"""https://aws.amazon.com/lambda/pricing/"""
INSTANCE_VCPUS, INSTANCE_GB = 1, 7
"""What m7g.large leaves to functions: of its 2 vCPU and 8 GB one each is reserved."""


def gb_seconds(load: Workload, architecture: str) -> float:
    """Of the work itself, without starts."""
    return load.runs * load.seconds(architecture) * load.memory_mb / GIB


def on_demand(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    """Requests, GB-seconds, starts."""
    per_gb_second = f"lambda_gb_second_{architecture}"
    work = gb_seconds(load, architecture)
    starts = load.runs * load.cold_share * load.init_ms / 1000 * load.memory_mb / GIB
    billed, both = (beyond_free(one, "free_lambda_gb_seconds", free) for one in (work, work + starts))
    yield _requests(load, free)
    yield priced(f"{work:,.0f} GB-s of work", billed, per_gb_second)
    init = price(per_gb_second).of(both) - price(per_gb_second).of(billed)
    yield Item(f"{starts:,.0f} GB-s of starts", init, (per_gb_second,))
    if load.snapstart:
        kept = load.memory_mb / GIB * SECONDS_A_MONTH
        yield priced("a snapshot kept", kept, "lambda_snapstart_gb_second")
        restored = load.runs * load.cold_share * load.memory_mb / GIB
        yield priced(f"{restored:,.0f} GB restored", restored, "lambda_snapstart_restored_gb")
    yield from _beside(load, architecture, free)


def provisioned(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    """Environments that are kept ready, by the hour if the service follows the hours; no free GB-seconds."""
    kept = environments(load, architecture)
    average = sum(kept) / len(kept)
    yield _requests(load, free)
    held = average * load.memory_mb / GIB * SECONDS_A_MONTH
    what = f"{round(average, 1):g} environments of {load.memory_mb:,g} MB kept ready"
    yield priced(what, held, f"lambda_provisioned_gb_second_{architecture}")
    work = gb_seconds(load, architecture)
    yield priced(f"{work:,.0f} GB-s of work", work, f"lambda_provisioned_work_gb_second_{architecture}")
    yield from _beside(load, architecture, free)


def environments(load: Workload, architecture: str) -> list[float]:
    """Kept ready in each hour."""
    if load.provisioned:
        return [load.provisioned]
    needed = [max(1, ceil(rate * load.seconds(architecture) / PROVISIONED_BUSY)) for rate in load.per_second]
    return [*map(float, needed if load.autoscaling else [max(needed)])]


def managed(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    """On the one kind of instance that has a price here, three at least."""
    rate, each = max(load.per_second), at_once(load, INSTANCE_GB * GIB)
    by_cpu = rate * load.cpu_seconds(architecture) / INSTANCE_VCPUS
    by_memory = rate * load.task_seconds(architecture, INSTANCE_VCPUS) / max(1, each)
    least = int(limit("managed_instances.least_instances"))
    instances = max(least, ceil(max(by_cpu, by_memory) / BUSY))
    hour = month("managed_instance_hour") * (1 + price("managed_instance_fee_share").usd)
    names = ("managed_instance_hour", "managed_instance_fee_share")
    yield Item(f"{instances:,} m7g.large and their fee", instances * hour, names)
    yield _requests(load, free)
    yield from _around(load, free)


def _requests(load: Workload, free: bool) -> Item:
    billed = beyond_free(load.runs, "free_lambda_requests", free)
    return priced(f"{load.runs:,.0f} invocations", billed / 1e6, "lambda_million_requests")


def _beside(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    more = max(0, load.disk_mb - DISK_INCLUDED_MB) / GIB
    if more:
        seconds = load.runs * load.seconds(architecture)
        yield priced(f"{more:g} GB more of /tmp", more * seconds, "lambda_disk_gb_second")
    yield from _around(load, free)


def _around(load: Workload, free: bool) -> Iterator[Item]:
    yield from front_door(load, free)
    streamed = load.requests * max(0, load.payload_out_mb - limit("lambda.response_mb")) / GIB
    if streamed:
        yield priced(f"{streamed:,.1f} GB of streamed answers", streamed, "lambda_streamed_gb")
    if load.function_in_vpc:
        yield from network(load)
    yield from requests_elsewhere(load, free)
    yield logs(load, "lambda_logs_gb", free)
    yield from transfer(load, load.way_in, free)
