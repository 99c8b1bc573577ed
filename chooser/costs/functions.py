"""Monthly bills of a function: on demand, with provisioned concurrency, and on Managed Instances."""

from collections.abc import Iterator
from math import ceil

from chooser.costs.around import front_door, logs, network, requests_elsewhere, transfer
from chooser.costs.items import GIB, Item, beyond_free, priced
from chooser.costs.sizing import BUSY, at_once
from chooser.workload import SECONDS_A_MONTH, Workload
from runtime.placement.limits import limit

PROVISIONED_BUSY = 0.7
"""Target utilisation of ready environments, which AWS's guide suggests:
https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""
LEAST_BLOCKED = 0.001
"""Minimum share of requests that may find no environment ready: no number of environments makes it zero."""
NEVER = 1e12
"""A share of requests below one in this many is treated as none."""
DISK_INCLUDED_MB = 512
"""Ephemeral storage included in the price: https://aws.amazon.com/lambda/pricing/"""
INSTANCE_VCPUS, INSTANCE_GB = 1, 7
"""What m7g.large leaves to functions: 1 of its 2 vCPUs and 1 of its 8 GB are reserved."""


def gb_seconds(load: Workload, architecture: str) -> float:
    """Return the GB-seconds of the work itself, without starts."""
    return load.runs * load.seconds(architecture) * load.memory_mb / GIB


def on_demand(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    """Yield the cost of requests, GB-seconds, starts and SnapStart, and of everything around them."""
    per_gb_second = f"lambda_gb_second_{architecture}"
    work = gb_seconds(load, architecture)
    starts = load.runs * load.cold_share * load.init_ms / 1000 * load.memory_mb / GIB
    billed, both = (beyond_free(one, "free_lambda_gb_seconds", free) for one in (work, work + starts))
    yield _requests(load, free)
    yield priced(load, f"{work:,.0f} GB-s of work", billed, per_gb_second)
    per_second = load.price(per_gb_second)
    init = per_second.of(both) - per_second.of(billed)
    yield Item(f"{starts:,.0f} GB-s of starts", init, (per_second,))
    if load.snapstart:
        kept = load.memory_mb / GIB * SECONDS_A_MONTH
        yield priced(load, "a snapshot kept", kept, "lambda_snapstart_gb_second")
        restored = load.runs * load.cold_share * load.memory_mb / GIB
        yield priced(load, f"{restored:,.0f} GB restored", restored, "lambda_snapstart_restored_gb")
    yield from _beside(load, architecture, free)


def provisioned(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    """Yield the costs with environments kept ready, and of everything around them; no GB-seconds are free.

    With `autoscaling`, the number of environments follows the load of each hour.
    """
    kept = environments(load, architecture)
    average = sum(kept) / len(kept)
    yield _requests(load, free)
    held = average * load.memory_mb / GIB * SECONDS_A_MONTH
    what = f"{round(average, 1):g} environments of {load.memory_mb:,g} MB kept ready"
    yield priced(load, what, held, f"lambda_provisioned_gb_second_{architecture}")
    work, spilled = gb_seconds(load, architecture), spill(load, architecture, kept)
    name = f"lambda_provisioned_work_gb_second_{architecture}"
    yield priced(load, f"{work * (1 - spilled):,.0f} GB-s of work", work * (1 - spilled), name)
    if spilled:
        starts = load.runs * spilled * load.init_ms / 1000 * load.memory_mb / GIB
        over = work * spilled + starts
        what = f"{over:,.0f} GB-s beyond the ready environments"
        yield priced(load, what, over, f"lambda_gb_second_{architecture}")
    yield from _beside(load, architecture, free)


def environments(load: Workload, architecture: str) -> list[float]:
    """Return the ready environments in each hour of the day; one number if `provisioned` is set."""
    if load.provisioned:
        return [load.provisioned]
    needed = [_ready(rate * load.seconds(architecture), load.late_share) for rate in load.per_second]
    return [*map(float, needed if load.autoscaling else [max(needed)] * len(needed))]


def _ready(in_flight: float, share: float) -> int:
    """Return the number of environments needed.

    At most 70 % of them are busy on average, and all are busy for at most `share` of requests, or
    LEAST_BLOCKED if that is more.
    """
    count = max(1, ceil(in_flight / PROVISIONED_BUSY))
    while blocked(count, in_flight) > max(share, LEAST_BLOCKED):
        count += 1
    return count


def blocked(count: float, in_flight: float) -> float:
    """Return the share of requests that find none of `count` environments ready: the Erlang B formula."""
    if in_flight > 100:  # so many that almost only the requests beyond the count are blocked
        return max(0.0, 1 - count / in_flight)
    inverse = 1.0
    for one in range(1, int(count) + 1):
        inverse = 1 + inverse * one / in_flight if in_flight else float("inf")
        if inverse > NEVER:
            return 0
    return 1 / inverse


def spill(load: Workload, architecture: str, kept: list[float]) -> float:
    """Return the share of requests that find no environment ready; taken as 0 unless `provisioned` is set."""
    if not load.provisioned:
        return 0
    hours = zip(load.averages, kept * (24 // len(kept)), strict=True)
    lost = [rate * blocked(count, rate * load.attempts * load.seconds(architecture)) for rate, count in hours]
    total = sum(load.averages)
    return sum(lost) / total if total else 0


def managed(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    """Yield the cost on at least three instances of m7g.large, the only type priced here."""
    rate, each = max(load.per_second), at_once(load, INSTANCE_GB * GIB)
    by_cpu = rate * load.cpu_seconds(architecture) / INSTANCE_VCPUS
    by_memory = rate * load.task_seconds(architecture, INSTANCE_VCPUS) / max(1, each)
    least = int(limit("managed_instances.least_instances"))
    instances = max(least, ceil(max(by_cpu, by_memory) / BUSY))
    fee = load.price("managed_instance_fee_share")
    usd = instances * load.month("managed_instance_hour") * (1 + fee.usd)
    prices = load.price("managed_instance_hour"), fee
    yield Item(f"{instances:,} m7g.large and their fee", usd, prices)
    yield _requests(load, free)
    yield from _around(load, free)


def _requests(load: Workload, free: bool) -> Item:
    billed = beyond_free(load.runs, "free_lambda_requests", free)
    return priced(load, f"{load.runs:,.0f} invocations", billed / 1e6, "lambda_million_requests")


def _beside(load: Workload, architecture: str, free: bool) -> Iterator[Item]:
    more = max(0, load.disk_mb - DISK_INCLUDED_MB) / GIB
    if more:
        seconds = load.runs * load.seconds(architecture)
        yield priced(load, f"{more:g} GB more of /tmp", more * seconds, "lambda_disk_gb_second")
    yield from _around(load, free)


def _around(load: Workload, free: bool) -> Iterator[Item]:
    yield from front_door(load, free)
    streamed = load.requests * max(0, load.payload_out_mb - limit("lambda.response_mb")) / GIB
    if streamed:
        yield priced(load, f"{streamed:,.1f} GB of streamed responses", streamed, "lambda_streamed_gb")
    if load.function_in_vpc:
        yield from network(load)
    yield from requests_elsewhere(load, free)
    yield logs(load, "lambda_logs_gb", free)
    yield from transfer(load, load.way_in, free)
