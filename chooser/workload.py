"""A workload as measured: one kind of request or job, and what follows from it."""

from collections.abc import Mapping
from typing import NamedTuple

from chooser.prices import REGION, Price, month, price
from runtime.placement.limits import limit

ARCHITECTURES = ("x86_64", "arm64")
SECONDS_A_MONTH = 730 * 3600


class Workload(NamedTuple):
    """One kind of request or job. chooser/keys.py has each key's meaning, unit and range.

    Where chooser/keys.py states a default in words, a default of 0, "" or None here stands for it.
    given: the keys in the workload's file or link.
    """

    name: str
    requests: float
    duration_ms: Mapping[str, float]
    memory_mb: float
    region: str = REGION
    hours: tuple[float, ...] = (1,) * 24
    peak_per_second: float = 0
    cpu_share: float = 1
    cpu_ms: float = 0
    threads: float = 1
    shared_memory_mb: float | None = None
    request_memory_mb: float | None = None
    task_concurrency: float = 100
    cached_share: float = 0
    cached_ms: float = 0
    attempts: float = 1
    payload_in_mb: float = 0
    payload_out_mb: float = 0
    internet: bool = False
    front_door: str = ""
    requests_per_connection: float = 1
    listener_rules: float = 1
    connections: float = 0
    pushes: float = 1
    puts: float = 0
    gets: float = 0
    events: float = 0
    messages: float = 0
    table_writes: float = 0
    table_reads: float = 0
    longest_seconds: float = 0
    disk_mb: float = 0
    image_gb: float = 0
    gpu: bool = False
    long_connections: bool = False
    start_seconds: float = 1
    late_share: float = 0.01
    init_ms: float = 300
    cold_share: float = 0.01
    snapstart: bool = False
    provisioned: float = 0
    log_kb: float = 0.5
    task_vcpus: float = 0
    task_memory_gb: float = 0
    pull_seconds: float = 20
    interruptible: bool = False
    spot_share: float = 0
    spot_interruptions: float = 0.05
    production: bool = True
    autoscaling: bool = True
    load_balancer: str = ""
    sharing: float = 1
    addresses: float | None = None
    nat_gateways: float = 0
    endpoints: float = 0
    network_mb: float = 0
    function_in_vpc: bool = False
    assumed: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()

    def times(self, factor: float) -> "Workload":
        """Return the same work at another volume: requests, burst and open connections scale together."""
        return self._replace(
            requests=self.requests * factor,
            peak_per_second=self.peak_per_second * factor,
            connections=self.connections * factor,
        )

    def price(self, name: str) -> Price:
        """Return a price in the workload's Region. Raises KeyError."""
        return price(name, self.region)

    def month(self, name: str) -> float:
        """Return USD per month for one unit, in the workload's Region. Raises KeyError."""
        return month(name, self.region)

    @property
    def runs(self) -> float:
        """Runs of the code per month: a request that fails and is retried runs more than once."""
        return self.requests * self.attempts

    @property
    def averages(self) -> tuple[float, ...]:
        """Average requests per second in each hour of the day."""
        one = self.requests / SECONDS_A_MONTH * 24 / sum(self.hours)
        return tuple(one * weight for weight in self.hours)

    @property
    def per_second(self) -> tuple[float, ...]:
        """Runs per second that each hour is sized for: a burst scales all hours in proportion."""
        averages = self.averages
        highest = max(averages)
        times = max(1, self.peak_per_second / highest if highest else 0) * self.attempts
        return tuple(rate * times for rate in averages)

    def seconds(self, architecture: str) -> float:
        """Return the duration of one request in the function, rounded up to the billed millisecond."""
        return -(-self.duration_ms[architecture] // 1) / 1000

    @property
    def vcpus(self) -> float:
        """Number of vCPUs that one request uses in the function, which has one per 1,769 MB."""
        return min(self.threads, self.memory_mb / limit("lambda.vcpu_at_mb"))

    def cpu_seconds(self, architecture: str) -> float:
        """Return the vCPU seconds of one request; unless measured, derived from the function's duration."""
        if self.cpu_ms:
            return self.cpu_ms / 1000
        return self.seconds(architecture) * self.cpu_share * self.vcpus

    def computing(self, architecture: str) -> float:
        """Return the share of the duration spent computing, measured or given."""
        if not self.cpu_ms:
            return self.cpu_share
        return min(1, self.cpu_ms / 1000 / self.vcpus / self.seconds(architecture))

    def task_seconds(self, architecture: str, vcpus: float) -> float:
        """Return the duration of one request in a task with that many vCPUs."""
        waiting = self.seconds(architecture) * (1 - self.computing(architecture))
        return waiting + self.cpu_seconds(architecture) / min(self.threads, vcpus)

    @property
    def connects(self) -> float:
        """New connections per second, if each stays open for `longest_seconds`."""
        return self.connections / self.longest_seconds

    @property
    def in_memory(self) -> float:
        """MB of a process without requests: shared_memory_mb, or memory_mb less request_memory_mb.

        Without either, half of memory_mb.
        """
        if self.shared_memory_mb is not None:
            return self.shared_memory_mb
        if self.request_memory_mb is not None:
            return max(0, self.memory_mb - self.request_memory_mb)
        return self.memory_mb / 2

    @property
    def in_flight_mb(self) -> float:
        """MB that each request in flight adds: request_memory_mb, or memory_mb less shared_memory_mb.

        Without either, the computing share of half of memory_mb.
        """
        if self.request_memory_mb is not None:
            return self.request_memory_mb
        if self.shared_memory_mb is not None:
            return max(0, self.memory_mb - self.shared_memory_mb)
        return self.memory_mb / 2 * self.computing(next(iter(self.duration_ms)))

    @property
    def least_mb(self) -> float:
        """Minimum MB of a task: shared_memory_mb + request_memory_mb if both were given, else memory_mb."""
        both = self.shared_memory_mb is not None and self.request_memory_mb is not None
        return self.in_memory + self.in_flight_mb if both else self.memory_mb

    @property
    def sent_mb(self) -> float:
        """MB sent for each request: its response, or the messages pushed to clients."""
        return self.payload_out_mb * (self.pushes if self.long_connections else 1)

    @property
    def way_in(self) -> str:
        """A function's entry point: front_door if given, else derived from other keys.

        These are long_connections, load_balancer, internet, longest_seconds and both payload sizes.
        """
        if self.front_door:
            return self.front_door
        if self.long_connections:
            return "websocket-api"
        if self.load_balancer == "none" or not (self.load_balancer or self.internet):
            return "none"
        longest, largest = self.longest_seconds, max(self.payload_in_mb, self.payload_out_mb)
        fits = longest <= limit("http_api.seconds") and largest <= limit("lambda.response_mb")
        return "http-api" if fits else "function-url"

    @property
    def balancer(self) -> str:
        """A service's load balancer: as given, else "public" if there is an entry point, else "none"."""
        return self.load_balancer or ("none" if self.way_in == "none" else "public")
