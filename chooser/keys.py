"""The keys of a workload file: meaning, allowed values, and the error for a wrong one."""

import tomllib
from collections.abc import Callable, Mapping
from math import exp
from typing import NamedTuple

from chooser.prices import REGION, as_of, named, prices, regions
from chooser.workload import ARCHITECTURES, SECONDS_A_MONTH, Workload
from runtime.placement.limits import FARGATE_SIZES

LEAST_WEIGHT, MOST_WEIGHT = 0.001, 1_000_000
FRONT_DOORS = ("none", "function-url", "http-api", "rest-api", "websocket-api", "alb", "cloudfront")
BALANCERS = ("none", "public", "internal", "shared", "api-gateway")


class WorkloadError(Exception):
    """Raised for an invalid workload or option; the message says what is wrong and what is allowed."""


class Key(NamedTuple):
    """A key of a workload file. what: meaning and unit. values: a range, the allowed strings, or a type.

    unsaid: the default in words, if the field's default in Workload does not show it.
    """

    what: str
    values: tuple[float, float] | tuple[str, ...] | type = bool
    unsaid: str = ""


IDLE_SECONDS = 600
"""Assumed seconds that an idle execution environment is kept; AWS documents no duration."""
COLD = "0.01, more where requests are rare"
MANY, SHARE = (0, 1e12), (0, 1)
KEYS = {
    "name": Key("name of the workload, as the answer shows it", str),
    "requests": Key("requests or jobs per month: Invocations in CloudWatch", MANY),
    "duration_ms": Key("average duration of one request in a function with memory_mb, by architecture", dict),
    "memory_mb": Key("memory of the function; 1,769 MB come with one vCPU", (128, 1e6)),
    "region": Key("AWS Region whose list prices apply", str, REGION),
    "hours": Key("24 weights, one for each hour of the day", list, "all the same"),
    "peak_per_second": Key("requests per second in the worst minute", (0, 1e9), "the busiest hour's average"),
    "cpu_share": Key(
        "share of the duration spent computing; during the rest a task works on other requests", (0.01, 1)
    ),
    "cpu_ms": Key(
        "CPU time of one request: cpu_total_time in Lambda Insights", (0, 3.2e10), "derived from cpu_share"
    ),
    "threads": Key("vCPUs that one request can use at once", (0.01, 192)),
    "shared_memory_mb": Key(
        "memory of a process before any request",
        (0, 1e6),
        "half of memory_mb, or what request_memory_mb leaves of it",
    ),
    "request_memory_mb": Key(
        "memory that each request in flight adds",
        (0, 1e6),
        "half of memory_mb x cpu_share, or what shared_memory_mb leaves of memory_mb",
    ),
    "task_concurrency": Key("maximum number of requests that one task works on at once", (1, 1e6)),
    "cached_share": Key("share of requests that a long-running process answers from its memory", SHARE),
    "cached_ms": Key("CPU time of a request that is answered from memory", (0, 3.2e10)),
    "attempts": Key("average runs per request, retries included", (1, 1000)),
    "payload_in_mb": Key("size of a request", (0, 1e6)),
    "payload_out_mb": Key("size of the response; with long_connections, of a message to a client", (0, 1e6)),
    "internet": Key("whether the response leaves AWS"),
    "front_door": Key(
        "what calls the function", FRONT_DOORS, "derived: none, http-api, function-url or websocket-api"
    ),
    "requests_per_connection": Key("requests per connection to a load balancer (keep-alive)", (1, 1e6)),
    "listener_rules": Key("rules of the load balancer; ten are free", (0, 100)),
    "connections": Key("connections open at once, on average", (0, 1e9)),
    "pushes": Key("with long_connections, messages to clients for each request", (0, 1e6)),
    "puts": Key(
        "S3 PUT, COPY, POST and LIST calls per request; each part of a multipart upload is one", (0, 1e7)
    ),
    "gets": Key("S3 GET and HEAD calls per request", (0, 1e7)),
    "events": Key("EventBridge events per request", (0, 1e6)),
    "messages": Key("SQS calls per request: send, receive and delete are three", (0, 1e6)),
    "table_writes": Key("DynamoDB writes of 1 KB per request", (0, 1e6)),
    "table_reads": Key("DynamoDB reads of 4 KB per request", (0, 1e6)),
    "longest_seconds": Key(
        "longest run; with long_connections, how long a connection lasts", (0.001, 3.2e7), "the duration"
    ),
    "disk_mb": Key("disk space that the work needs, without the code", (0, 1e8)),
    "image_gb": Key("size of the container image, if there is one already", (0, 1e4)),
    "gpu": Key("whether the work needs a GPU"),
    "long_connections": Key("whether connections stay open: WebSockets, streams"),
    "start_seconds": Key("how long a request may wait for a start", (0, 86_400)),
    "late_share": Key("share of requests that may wait longer than start_seconds", SHARE),
    "init_ms": Key(
        "time of a cold start: Init Duration in REPORT lines (snapstart: Restore Duration)", (0, 900_000)
    ),
    "cold_share": Key(
        "share of requests that meet a cold start: REPORT lines with Init Duration", SHARE, COLD
    ),
    "snapstart": Key(
        "whether the function starts from a snapshot, at the price for Python and .NET (Java's is free)"
    ),
    "provisioned": Key(
        "environments kept ready (provisioned concurrency)",
        (0, 1e6),
        "what the load needs at 70 % utilisation",
    ),
    "log_kb": Key("logs per request", (0, 1e6)),
    "task_vcpus": Key("vCPUs of a task", (0.25, 32), "the cheapest that carries the load"),
    "task_memory_gb": Key("memory of a task", (0.5, 244), "the cheapest that carries the load"),
    "pull_seconds": Key("seconds billed before a task works: image pull and start", (0, 3600)),
    "interruptible": Key("whether a run may be stopped at two minutes' notice and started again"),
    "spot_share": Key("share of a service's tasks on Spot", SHARE),
    "spot_interruptions": Key("interruptions of a Spot task per hour; each loses half a run", (0, 100)),
    "production": Key("whether a service has at least two tasks"),
    "autoscaling": Key(
        "whether tasks and ready environments scale by the hour; "
        "if not, as many as in the busiest hour run all day"
    ),
    "load_balancer": Key("load balancer in front of a service", BALANCERS, "each that fits"),
    "sharing": Key("services behind a shared load balancer", (1, 100)),
    "addresses": Key(
        "public IPv4 addresses of load balancer and tasks",
        (0, 10_000),
        "two for a public load balancer; one per task if there are no NAT gateways or endpoints",
    ),
    "nat_gateways": Key("NAT gateways for tasks, and for a function in the VPC", (0, 100)),
    "endpoints": Key("interface endpoints, counted once per zone", (0, 1000)),
    "network_mb": Key("traffic through NAT gateways or endpoints per request", (0, 1e6)),
    "function_in_vpc": Key("whether the function pays for NAT gateways and endpoints too"),
    "assumed": Key(
        'keys whose values were not measured, such as "cpu_share" or "duration_ms.arm64"', tuple, "none"
    ),
}
"""All keys, in the order of the fields of Workload. A key without `values` is a boolean."""


def load(path: str) -> Workload:
    """Read a workload file. Raises OSError, and WorkloadError that says what is wrong and what is allowed."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib would cost an answer a tenth of its CPU
            found = tomllib.load(file)
    except (ValueError, RecursionError) as error:
        raise WorkloadError(f"{path} is not valid TOML: {error}") from None
    return parse(found)


def parse(found: Mapping[str, object]) -> Workload:
    """Return the workload with these keys and values. Raises WorkloadError."""
    wrong = [_no_such(key) for key in found if key not in KEYS][:1]
    needed = ("name", "requests", "duration_ms", "memory_mb")
    if missing := [name for name in needed if name not in found]:
        wrong.append(f"{', '.join(missing)}: missing, but required.")
    values: dict[str, object] = {}
    for key, value in found.items():
        try:
            if key in KEYS:
                values[key] = _value(key, value)
        except WorkloadError as error:
            wrong.append(str(error))
    if wrong:
        raise WorkloadError("\n".join(wrong))
    made = Workload(**values, given=frozenset(found))  # type: ignore[arg-type]
    return _whole(made)


def _no_such(key: str) -> str:
    from difflib import get_close_matches  # imported only for an error, to keep an answer cheap

    near = get_close_matches(key, KEYS, 1)
    return f"{key}: no such key.{f' Did you mean {near[0]}?' if near else ''} There are: {', '.join(KEYS)}."


def _whole(made: Workload) -> Workload:
    """Check keys against each other, and fill in values that follow from other keys."""
    longest = max(made.duration_ms.values()) / 1000
    if not made.longest_seconds:
        made = made._replace(longest_seconds=longest)
    elif made.longest_seconds < longest:
        raise WorkloadError(
            f"longest_seconds = {made.longest_seconds:g}: shorter than duration_ms, {longest:g} s."
        )
    if made.in_memory + made.in_flight_mb > made.memory_mb:
        raise WorkloadError(
            f"shared_memory_mb and request_memory_mb: {made.in_memory + made.in_flight_mb:,g} MB together, "
            f"more than the function's memory_mb = {made.memory_mb:,g}."
        )
    if "cold_share" not in made.given:
        idle = made.requests / SECONDS_A_MONTH * IDLE_SECONDS
        made = made._replace(cold_share=max(made.cold_share, round(exp(-idle), 4)))
    _check_task(made)
    _check_region(made.region)
    return made


def _check_region(region: str) -> None:
    if region not in regions():
        raise WorkloadError(
            f"region = {region!r}: there are no prices for it, only for {', '.join(regions())}. "
            f"To fetch them from AWS, if there is such a Region: python3 -m chooser prices --region {region}"
        )
    try:
        prices(region), as_of(region)
    except (OSError, KeyError, TypeError, ValueError) as error:
        why = f"{named(region)} cannot be read: {error}. Remove it, and fetch it again."
        raise WorkloadError(why) from None


def _check_task(made: Workload) -> None:
    """Refuse a task size that Fargate does not have."""
    vcpus = {units / 1024: memories for units, memories in FARGATE_SIZES.items()}
    if made.task_vcpus and made.task_vcpus not in vcpus:
        raise WorkloadError(
            f"task_vcpus = {made.task_vcpus:g}: must be one of {', '.join(f'{one:g}' for one in vcpus)}."
        )
    memories = vcpus.get(made.task_vcpus) or sorted({one for some in vcpus.values() for one in some})
    if made.task_memory_gb and made.task_memory_gb * 1024 not in memories:
        with_it = f" with {made.task_vcpus:g} vCPU" if made.task_vcpus else ""
        raise WorkloadError(
            f"task_memory_gb = {made.task_memory_gb:g}: {memories[0] / 1024:g} to {memories[-1] / 1024:g} "
            f"in Fargate's steps is allowed{with_it}."
        )


def _value(key: str, value: object) -> object:
    values = KEYS[key].values
    if isinstance(values, type):
        return READ[values](key, value)
    if isinstance(values[0], str):
        if value not in values:
            raise WorkloadError(f"{key} = {value!r}: must be one of {', '.join(map(str, values))}.")
        return value
    low, high = values
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise WorkloadError(f"{key} = {value!r}: must be a number from {low:,.10g} to {high:,.10g}.")
    return value


def _switch(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise WorkloadError(f"{key} = {value!r}: must be true or false.")
    return value


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise WorkloadError(f"{key} = {value!r}: must be a string of one line.")
    return value


def _durations(key: str, value: object) -> dict[str, float]:
    if not isinstance(value, dict) or not value or not value.keys() <= {*ARCHITECTURES}:
        raise WorkloadError(
            f"{key} = {value!r}: must be milliseconds for {' or '.join(ARCHITECTURES)} or both, "
            "such as { x86_64 = 500, arm64 = 450 }."
        )
    for one in value.values():
        if isinstance(one, bool) or not isinstance(one, (int, float)) or not 0 < one <= 3.2e10:
            raise WorkloadError(f"{key} = {value!r}: must be numbers over 0, up to 3.2e+10, in milliseconds.")
    return {str(key): float(one) for key, one in value.items()}


def _hours(key: str, value: object) -> tuple[float, ...]:
    numbers = [
        float(one)
        for one in (value if isinstance(value, list) else [])
        if isinstance(one, (int, float)) and not isinstance(one, bool) and 0 <= one <= MOST_WEIGHT
    ]
    if len(numbers) != 24 or sum(numbers) < LEAST_WEIGHT:
        raise WorkloadError(
            f"{key} = {value!r}: must be 24 weights from 0 to {MOST_WEIGHT:,}, one per hour, not all 0."
        )
    return tuple(numbers)


def _assumed(key: str, value: object) -> tuple[str, ...]:
    known = {*KEYS, *(f"duration_ms.{one}" for one in ARCHITECTURES)} - {"name", "assumed"}
    if not isinstance(value, list) or not {*map(str, value)} <= known:
        raise WorkloadError(f'{key} = {value!r}: must be a list of keys, such as ["duration_ms.arm64"].')
    return tuple(map(str, value))


READ: dict[type, Callable[[str, object], object]] = {
    bool: _switch,
    str: _text,
    dict: _durations,
    list: _hours,
    tuple: _assumed,
}
