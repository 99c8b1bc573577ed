"""What is to be run: a small TOML file, checked key by key."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from runtime.placement.limits import limit

ARCHITECTURES = ("x86_64", "arm64")
SECONDS_A_MONTH = 730 * 3600
MOST_WEIGHT = 1_000_000


class WorkloadError(Exception):
    """A file that cannot be read as a workload: which key, and what is allowed."""


class Workload(NamedTuple):
    """One kind of request or job, as it was measured.

    requests: a month. hours: weights of the 24 hours of a day, from which the peak comes.
    duration_ms: of one request in a function of memory_mb, by architecture: that memory is what the work
    needs, and brings its share of a vCPU. threads: vCPUs that one request can use at once.
    cpu_share: of the duration that is work of the CPU; while the rest waits, a service does others.
    payload_in_mb, payload_out_mb: of a request and of its answer; internet: whether the answer leaves AWS.
    longest_seconds: of the longest run. disk_mb: beside the code. gpu, long_connections: whether needed.
    start_seconds: how long a caller may wait for a start.
    init_ms, cold_share: of a function's starts. log_kb: of a request.
    task_vcpus, task_memory_gb: of a task of the service or of a job. production: at least two tasks.
    autoscaling: a service has the tasks that each hour needs, and not those of the busiest all day.
    load_balancer: public, internal or none. addresses: public IPv4 of load balancer and tasks.
    """

    name: str
    requests: float
    duration_ms: Mapping[str, float]
    memory_mb: float
    hours: tuple[float, ...] = (1,) * 24
    cpu_share: float = 1
    threads: float = 1
    payload_in_mb: float = 0
    payload_out_mb: float = 0
    internet: bool = False
    longest_seconds: float = 1
    disk_mb: float = 0
    gpu: bool = False
    long_connections: bool = False
    start_seconds: float = 1
    init_ms: float = 300
    cold_share: float = 0.01
    log_kb: float = 0.5
    task_vcpus: float = 1
    task_memory_gb: float = 2
    production: bool = True
    autoscaling: bool = False
    load_balancer: str = "internal"
    addresses: int = 2

    @property
    def a_second(self) -> tuple[float, ...]:
        """Requests a second in each hour of the day."""
        average = self.requests / SECONDS_A_MONTH
        return tuple(average * weight * 24 / sum(self.hours) for weight in self.hours)

    def seconds(self, architecture: str) -> float:
        """Of one request, billed by the millisecond, rounded up."""
        return -(-self.duration_ms[architecture] // 1) / 1000

    def cpu_seconds(self, architecture: str) -> float:
        """Of one request: a function has a vCPU for each 1,769 MB."""
        vcpus = min(self.threads, self.memory_mb / limit("lambda.vcpu_at_mb"))
        return self.seconds(architecture) * self.cpu_share * vcpus

    def task_seconds(self, architecture: str, vcpus: float) -> float:
        """Of one request in a task of its own, which has so many vCPUs."""
        waiting = self.seconds(architecture) * (1 - self.cpu_share)
        return waiting + self.cpu_seconds(architecture) / min(self.threads, vcpus)


RANGES = {
    "requests": (0, 1e12),
    "memory_mb": (128, 1e6),
    "cpu_share": (0.01, 1),
    "threads": (0.01, 192),
    "payload_in_mb": (0, 1e6),
    "payload_out_mb": (0, 1e6),
    "longest_seconds": (0.001, 3.2e7),
    "disk_mb": (0, 1e8),
    "start_seconds": (0, 86_400),
    "init_ms": (0, 900_000),
    "cold_share": (0, 1),
    "log_kb": (0, 1e6),
    "task_vcpus": (0.25, 32),
    "task_memory_gb": (0.5, 244),
    "addresses": (0, 100),
}
BALANCERS = ("public", "internal", "none")


def load(path: str) -> Workload:
    """Reads a workload. Raises WorkloadError naming the key and its range, and OSError."""
    try:
        found = tomllib.loads(Path(path).read_text())
    except (ValueError, RecursionError) as error:
        raise WorkloadError(f"{path} is no TOML: {error}") from None
    return parse(found)


def parse(found: Mapping[str, object]) -> Workload:
    """As `load`, of what was read."""
    known = {*Workload._fields}
    unknown = sorted(found.keys() - known)
    if unknown:
        raise WorkloadError(f"{', '.join(unknown)}: no such key. There are: {', '.join(sorted(known))}.")
    missing = [name for name in ("name", "requests", "duration_ms", "memory_mb") if name not in found]
    if missing:
        raise WorkloadError(f"{', '.join(missing)}: missing. A workload needs it.")
    values = {key: _value(key, value) for key, value in found.items()}
    made = Workload(**values)  # type: ignore[arg-type]
    longest = max(made.duration_ms.values()) / 1000
    if "longest_seconds" not in found:
        made = Workload(**{**values, "longest_seconds": longest})  # type: ignore[arg-type]
    elif made.longest_seconds < longest:
        raise WorkloadError(
            f"longest_seconds = {made.longest_seconds:g}: shorter than duration_ms, {longest:g} s."
        )
    return made


def _value(key: str, value: object) -> object:
    if key == "name":
        if not isinstance(value, str) or not value.strip():
            raise WorkloadError(f"name = {value!r}: a text is wanted.")
        return value
    if key == "load_balancer":
        if value not in BALANCERS:
            raise WorkloadError(f"load_balancer = {value!r}: one of {', '.join(BALANCERS)} is wanted.")
        return value
    if key in ("gpu", "long_connections", "internet", "production", "autoscaling"):
        if not isinstance(value, bool):
            raise WorkloadError(f"{key} = {value!r}: true or false is wanted.")
        return value
    if key == "duration_ms":
        return _durations(value)
    if key == "hours":
        return _hours(value)
    low, high = RANGES[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise WorkloadError(f"{key} = {value!r}: a number from {low:g} to {high:g} is wanted.")
    return value


def _durations(value: object) -> dict[str, float]:
    if not isinstance(value, dict) or not value or not value.keys() <= {*ARCHITECTURES}:
        raise WorkloadError(
            f"duration_ms = {value!r}: milliseconds for {' or '.join(ARCHITECTURES)} or both are wanted, "
            "such as { x86_64 = 500, arm64 = 450 }."
        )
    for one in value.values():
        if isinstance(one, bool) or not isinstance(one, (int, float)) or not 0 < one <= 3.2e10:
            raise WorkloadError(f"duration_ms = {value!r}: numbers over 0 are wanted, in milliseconds.")
    return {str(key): float(one) for key, one in value.items()}


def _hours(value: object) -> tuple[float, ...]:
    numbers = [
        float(one)
        for one in (value if isinstance(value, list) else [])
        if isinstance(one, (int, float)) and 0 <= one <= MOST_WEIGHT
    ]
    if len(numbers) != 24 or not sum(numbers):
        raise WorkloadError(
            f"hours = {value!r}: 24 weights from 0 to {MOST_WEIGHT:,} are wanted, one an hour, not all 0."
        )
    return tuple(numbers)
