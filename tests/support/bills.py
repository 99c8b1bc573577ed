"""AWS's bill for a month, in Decimal, from AWS's pricing pages and without the chooser.

A second opinion: every rule is written anew, as its pricing page states it. The number of tasks is given,
because it is not a matter of pricing.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import ceil
from typing import Any

from tests.support.list_prices import (
    BALANCER,
    CLOUDFRONT,
    FARGATE,
    FUNCTION_LOGS,
    GIB,
    HOURS,
    HTTP_API,
    INTERNET,
    IPV4,
    KEPT,
    LAMBDA,
    MILLION,
    REST_API,
    UNIT,
    WEBSOCKET,
)

Load = Mapping[str, Any]


def number(value: object) -> Decimal:
    """Return a number as a Decimal with the digits as written."""
    return Decimal(str(value))


def tiered(amount: Decimal, tiers: Sequence[tuple[Decimal | None, Decimal]]) -> Decimal:
    """Return the cost of an amount, each part of it at the price of its tier."""
    total, start = Decimal(0), Decimal(0)
    for end, price in tiers:
        top = amount if end is None else min(amount, end)
        total += max(Decimal(0), top - start) * price
        start = end or start
    return total


def runs(load: Load) -> Decimal:
    """Return the number of invocations or jobs, retries included."""
    return number(load["requests"]) * number(load["attempts"])


def seconds(load: Load, architecture: str) -> Decimal:
    """Return the billed seconds of one invocation: milliseconds are rounded up."""
    return Decimal(ceil(number(load["duration_ms"][architecture]))) / 1000


def rates(load: Load) -> list[Decimal]:
    """Return the requests per second in each hour of a day."""
    weights = [number(one) for one in load["hours"]]
    return [
        number(load["requests"]) / (HOURS * 3600) * 24 * one / sum(weights, Decimal(0)) for one in weights
    ]


def on_demand(load: Load, architecture: str, way: str) -> Decimal:
    """Return Lambda's bill: requests, GB-seconds of work and of starts, /tmp over 512 MB, SnapStart.

    Like `provisioned` and `managed`, it adds entry point (`way`), logs, traffic, other services and the VPC.
    """
    count, memory = runs(load), number(load["memory_mb"]) / GIB
    starts = count * number(load["cold_share"])
    work = count * seconds(load, architecture) * memory
    init = starts * number(load["init_ms"]) / 1000 * memory
    total = count / MILLION * Decimal("0.20") + tiered(work + init, LAMBDA[architecture])
    if load["snapstart"]:
        total += memory * HOURS * 3600 * Decimal("0.0000015046") + starts * memory * Decimal("0.0001397998")
    return total + _tmp(load, architecture) + _function(load, way)


def provisioned(load: Load, architecture: str, way: str, kept: Sequence[float], spilled: float) -> Decimal:
    """Return Lambda's bill with provisioned concurrency.

    It adds up the requests, the provisioned GB-seconds of the month, the work at a lower price, and /tmp. For
    requests that find no environment ready, a cold start is added, and the work costs the on-demand price.
    """
    count, memory, over = runs(load), number(load["memory_mb"]) / GIB, number(spilled)
    held, used = KEPT[architecture]
    average = sum(map(number, kept), Decimal(0)) / len(kept)
    work = count * seconds(load, architecture) * memory
    total = count / MILLION * Decimal("0.20") + average * memory * HOURS * 3600 * held
    total += work * (1 - over) * used
    total += tiered(over * (work + count * number(load["init_ms"]) / 1000 * memory), LAMBDA[architecture])
    return total + _tmp(load, architecture) + _function(load, way)


def managed(load: Load, way: str, instances: int) -> Decimal:
    """Return the bill of Lambda Managed Instances on m7g.large: the instances, 15 % on top, and requests."""
    return (
        instances * Decimal("0.0816") * Decimal("1.15") * HOURS
        + runs(load) / MILLION * Decimal("0.20")
        + _function(load, way)
    )


def service(
    load: Load, architecture: str, before: str, vcpus: float, memory_gb: float, tasks: Sequence[float]
) -> Decimal:
    """Return a service's bill: its tasks, billed by the second from the image pull on, and its entry point.

    Logs, traffic, NAT gateways or endpoints, and requests to other services are added.
    """
    total = standing(load, architecture, vcpus, memory_gb, tasks)
    average = sum(map(number, tasks), Decimal(0)) / len(tasks)
    if before in ("public", "internal", "shared"):
        share = 1 / number(load["sharing"]) if before == "shared" else Decimal(1)
        total += BALANCER * share + UNIT * units(load)
        if before != "internal" and load["addresses"] is None:
            total += 2 * IPV4 * share
    if before == "internal":
        total += _asked(load) / MILLION
    if before == "api-gateway":
        total += tiered(_steps(load) / MILLION, HTTP_API) + average * Decimal("0.10")
    return total + _network(load) + _requests(load) + _logs(load) + _out(load, by_cdn=before == "internal")


def worker(load: Load, architecture: str, vcpus: float, memory_gb: float, tasks: Sequence[float]) -> Decimal:
    """Return Fargate's bill for tasks without an entry point."""
    return service(load, architecture, "none", vcpus, memory_gb, tasks)


def standing(
    load: Load, architecture: str, vcpus: float, memory_gb: float, tasks: Sequence[float]
) -> Decimal:
    """Return the bill of tasks, with disk beyond 20 GB, and public IPv4 addresses if they have any."""
    counts = [number(one) for one in tasks]
    average = sum(counts, Decimal(0)) / len(counts)
    more = sum(
        max(Decimal(0), after - before) for before, after in zip(counts[-1:] + counts, counts, strict=False)
    )
    starting = more * HOURS / 24 * number(load["pull_seconds"]) / 3600
    spot = number(load["spot_share"])
    total = Decimal(0)
    for share, on_spot in ((1 - spot, False), (spot, True)):
        total += share * (average * HOURS + starting) * _hour(architecture, on_spot, vcpus, memory_gb)
    total += average * HOURS * _disk(load)
    if load["addresses"]:
        total += (
            number(load["addresses"]) + max(Decimal(0), average - (2 if load["production"] else 1))
        ) * IPV4
    elif load["addresses"] is None and not load["nat_gateways"] and not load["endpoints"]:
        total += average * IPV4
    return total


def jobs(load: Load, architecture: str, on_spot: bool, vcpus: float, memory_gb: float) -> Decimal:
    """Return Fargate's bill for jobs that each run in a task of their own.

    A task is billed for at least a minute, and from the image pull on; on Spot, half of each interrupted run
    and another image pull are added.
    """
    whole = min(number(load["threads"]), number(vcpus))
    takes = waiting(load, architecture) + cpu(load, architecture) / whole
    billed = max(Decimal(60), takes, takes + number(load["pull_seconds"]))
    address = (
        load["addresses"]
        if load["addresses"] is not None
        else not (load["nat_gateways"] or load["endpoints"])
    )
    hour = (
        _hour(architecture, on_spot, vcpus, memory_gb)
        + _disk(load)
        + (Decimal("0.005") if address else Decimal(0))
    )
    total = runs(load) * billed / 3600 * hour
    if on_spot:
        lost = runs(load) * number(load["spot_interruptions"]) * takes / 3600
        total += lost * (takes / 2 + number(load["pull_seconds"])) / 3600 * hour
    return total + _network(load) + _requests(load) + _logs(load) + _out(load, by_cdn=False)


def waiting(load: Load, architecture: str) -> Decimal:
    """Return the seconds that a run in the function waits: its duration without its time on the CPU."""
    took = seconds(load, architecture)
    if not load["cpu_ms"]:
        return took * (1 - number(load["cpu_share"]))
    vcpus = min(number(load["threads"]), number(load["memory_mb"]) / 1769)
    return max(Decimal(0), took - number(load["cpu_ms"]) / 1000 / vcpus)


def cpu(load: Load, architecture: str) -> Decimal:
    """Return the vCPU seconds of one run; the function has one vCPU per 1,769 MB."""
    if load["cpu_ms"]:
        return number(load["cpu_ms"]) / 1000
    vcpus = min(number(load["threads"]), number(load["memory_mb"]) / 1769)
    return seconds(load, architecture) * number(load["cpu_share"]) * vcpus


def units(load: Load, gigabytes_per_unit: Decimal = Decimal(1)) -> Decimal:
    """Return a load balancer's average capacity units: in each hour, the highest of four dimensions."""
    gigabytes = (number(load["payload_in_mb"]) + _sent(load)) / GIB / gigabytes_per_unit
    rules, open_ones = max(Decimal(0), number(load["listener_rules"]) - 10), number(load["connections"])
    hourly = []
    for rate in rates(load):
        connects, rate_of_rules = rate / number(load["requests_per_connection"]), rate
        if load["long_connections"]:  # messages do not count as requests to a load balancer
            connects = rate_of_rules = open_ones / number(load["longest_seconds"])
        parts = (connects / 25, open_ones / 3000, rate * 3600 * gigabytes, rate_of_rules * rules / 1000)
        hourly.append(max(parts))
    return sum(hourly, Decimal(0)) / len(hourly)


def _sent(load: Load) -> Decimal:
    return number(load["payload_out_mb"]) * (number(load["pushes"]) if load["long_connections"] else 1)


def _asked(load: Load) -> Decimal:
    """Return the number of requests to CloudFront; a WebSocket connection counts as one."""
    if load["long_connections"]:
        return number(load["connections"]) / number(load["longest_seconds"]) * HOURS * 3600
    return number(load["requests"])


def _steps(load: Load) -> Decimal:
    """Return an HTTP API's billed requests: each 512 KB of the larger payload counts as one."""
    larger = max(number(load["payload_in_mb"]), number(load["payload_out_mb"]))
    return number(load["requests"]) * max(1, ceil(larger / Decimal("0.5")))


def _hour(architecture: str, on_spot: bool, vcpus: float, memory_gb: float) -> Decimal:
    vcpu, gigabyte = FARGATE[architecture, on_spot]
    return number(vcpus) * vcpu + number(memory_gb) * gigabyte


def _disk(load: Load) -> Decimal:
    return max(Decimal(0), number(load["disk_mb"]) / GIB - 20) * Decimal("0.000111")


def _tmp(load: Load, architecture: str) -> Decimal:
    more = max(Decimal(0), number(load["disk_mb"]) - 512) / GIB
    return more * runs(load) * seconds(load, architecture) * Decimal("0.0000000309")


def _function(load: Load, way: str) -> Decimal:
    count = number(load["requests"])
    total = _requests(load) + tiered(runs(load) * number(load["log_kb"]) / MILLION, FUNCTION_LOGS)
    match way:
        case "http-api":
            total += tiered(_steps(load) / MILLION, HTTP_API)
        case "rest-api":
            total += tiered(count / MILLION, REST_API)
        case "websocket-api":
            inward, outward = (_frames(number(load[key])) for key in ("payload_in_mb", "payload_out_mb"))
            total += tiered(count / MILLION * (inward + number(load["pushes"]) * outward), WEBSOCKET)
            total += number(load["connections"]) * HOURS * 60 / MILLION * Decimal("0.25")
        case "alb":
            total += BALANCER + UNIT * units(load, Decimal("0.4")) + 2 * IPV4
        case "cloudfront":
            total += _asked(load) / MILLION
    streamed = count * max(Decimal(0), number(load["payload_out_mb"]) - 6) / GIB
    total += max(Decimal(0), streamed - 100) * Decimal("0.008")
    if load["function_in_vpc"]:
        total += _network(load)
    return total + _out(load, by_cdn=way == "cloudfront")


def _frames(megabytes: Decimal) -> Decimal:
    return max(Decimal(1), Decimal(ceil(megabytes / (Decimal(32) / 1024))))


def _requests(load: Load) -> Decimal:
    count = runs(load)
    return count * (
        number(load["puts"]) * Decimal("0.005") / 1000
        + number(load["gets"]) * Decimal("0.0004") / 1000
        + number(load["events"]) * Decimal("1.00") / MILLION
        + number(load["messages"]) * Decimal("0.40") / MILLION
        + number(load["table_writes"]) * Decimal("0.625") / MILLION
        + number(load["table_reads"]) * Decimal("0.125") / MILLION
    )


def _logs(load: Load) -> Decimal:
    return runs(load) * number(load["log_kb"]) / MILLION * Decimal("0.50")


def _network(load: Load) -> Decimal:
    gateways, endpoints = number(load["nat_gateways"]), number(load["endpoints"])
    gigabytes = runs(load) * number(load["network_mb"]) / GIB
    total = gateways * (Decimal("0.045") + Decimal("0.005")) * HOURS + endpoints * Decimal("0.01") * HOURS
    if gateways:
        return total + gigabytes * Decimal("0.045")
    return total + (gigabytes * Decimal("0.01") if endpoints else Decimal(0))


def _out(load: Load, *, by_cdn: bool) -> Decimal:
    gigabytes = number(load["requests"]) * _sent(load) / GIB if load["internet"] else Decimal(0)
    return tiered(gigabytes, CLOUDFRONT if by_cdn else INTERNET)
