"""Numbers and charts of the docs: `python3 -m chooser.page` writes them between their markers."""

import re
import sys
from pathlib import Path

from chooser.choose import break_even, choose, sentence
from chooser.costs import BUSY, Candidate, fargate_month, items, total
from chooser.prices import as_of, month, price
from chooser.workload import RANGES, SECONDS_A_MONTH, Workload, load
from runtime.placement.limits import limits

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
CHARTS = ROOT / "docs" / "images"
EXAMPLES = ("thumbnails", "image-service", "scans", "api", "nightly-report", "chat")
CHARTED = ("image-service", "thumbnails")
ONE_VCPU_MB = int(limits()["lambda.vcpu_at_mb"].value)
PATTERNS = {
    "lambda": ("thumbnails", Candidate.LAMBDA),
    "fargate": ("image-service", Candidate.SERVICE),
    "hybrid": ("scans", Candidate.RUN_TASK),
}
"""What each of our patterns is for, and what it runs on."""
LOADS = (0.1, 1, 10)
"""Times the load of the example."""
KEYS = {
    "name": "what it is called in the answer",
    "requests": "a month",
    "duration_ms": "of one, as measured, on one architecture or both",
    "memory_mb": "that the work needs; in a function it brings its share of a vCPU",
    "hours": "24 weights, one for each hour of a day: a service is sized for the highest",
    "cpu_share": "of the duration that is work of the CPU; while the rest waits a service does others",
    "threads": "vCPUs that one request can use at once",
    "payload_in_mb": "of a request",
    "payload_out_mb": "of its answer",
    "internet": "whether the answer leaves AWS",
    "longest_seconds": "of the longest run",
    "disk_mb": "that the work needs beside the code",
    "gpu": "whether it needs one",
    "long_connections": "whether connections stay open: WebSockets, streams",
    "start_seconds": "that a caller may wait for a start: a task of its own takes 45",
    "init_ms": "of a function's start",
    "cold_share": "of requests that meet a start",
    "log_kb": "of each request",
    "task_vcpus": "of a task of the service, or of a job",
    "task_memory_gb": "of the same; more, if memory_mb is more",
    "production": "whether a service has two tasks at least",
    "autoscaling": "whether it has the tasks that each hour needs, and not those of the busiest all day",
    "load_balancer": "public, internal or none",
    "addresses": "public IPv4 of load balancer and tasks",
}
"""What a workload says, key by key."""
UNSAID = {"hours": "all the same", "longest_seconds": "the duration"}
SHAPES = ((512, 100), (ONE_VCPU_MB, 500), (ONE_VCPU_MB, 2000), (3008, 5000))
"""MB and milliseconds of a request."""
MARKED = re.compile(r"(<!-- chooser: ([a-z-]+) -->\n).*?(<!-- /chooser -->)", re.DOTALL)


def lambda_request(memory_mb: float, milliseconds: float, architecture: str = "x86_64") -> float:
    """USD of one, without starts, logs and free tier."""
    gb_seconds = memory_mb / 1024 * milliseconds / 1000
    return (
        price("lambda_million_requests").usd / 1e6
        + gb_seconds * price(f"lambda_gb_second_{architecture}").usd
    )


def service_month(addresses: int, *, tasks: int = 2, vcpus: float = 0.5, memory_gb: float = 1) -> float:
    """USD of a service that stands, behind one load balancer, before anybody asks."""
    compute = tasks * fargate_month(vcpus, memory_gb, "x86_64")
    return compute + month("load_balancer_hour") + addresses * month("public_ipv4_hour")


def busy_ratio(architecture: str = "x86_64") -> float:
    """What a busy vCPU costs on Lambda, of what it costs with 2 GB on Fargate."""
    function = ONE_VCPU_MB / 1024 * 3600 * price(f"lambda_gb_second_{architecture}").usd
    return function / (fargate_month(1, 2, architecture) / 730)


def task_job(minutes: float, *, vcpus: float = 1, memory_gb: float = 2) -> float:
    """USD of a one-off task, without its start."""
    return fargate_month(vcpus, memory_gb, "x86_64") / 730 * minutes / 60


def blocks() -> dict[str, str]:
    """What stands between the markers, by their names."""
    return {
        "hand": _hand(),
        "break-even": _break_even(),
        "examples": _examples(),
        "limits": _limits(),
        "keys": _keys(),
        "loads": _loads(),
        **{f"loads-{pattern}": _bills(*of) for pattern, of in PATTERNS.items()},
    }


def filled(page: str) -> str:
    """A page with every block as the code has it now. Raises KeyError for a marker of no block."""
    made = blocks()
    return MARKED.sub(lambda found: f"{found[1]}{made[found[2]]}\n{found[3]}", page)


def _hand() -> str:
    public, internal, each = service_month(4), service_month(2), lambda_request(ONE_VCPU_MB, 500)
    requests = [f"{usd / each / 1e6:.2f} million" for usd in (public, internal)]
    return f"""\
- Two tasks of 0.5 vCPU and 1 GB behind a public load balancer, with 4 public IPv4: **${public:.2f} a month**,
  as much as {requests[0]} Lambda requests of 1,769 MB for 500 ms.
- Behind an internal one (CloudFront's VPC origin), with 2: **${internal:.2f}**, {requests[1]}.
- A vCPU that is busy for an hour costs **{busy_ratio():.2f} times** as much on Lambda.
- One task of 1 vCPU and 2 GB for twenty minutes: **${task_job(20):.4f}**."""


def _break_even() -> str:
    head = ("a request", "costs as much, public", "internal", "two tasks carry", "break-even, public")
    rows = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for memory, milliseconds in SHAPES:
        each = lambda_request(memory, milliseconds)
        standing = (f"{service_month(addresses) / each:,.0f}" for addresses in (4, 2))
        shape = _shape(memory, milliseconds)
        carried = 2 * shape.task_vcpus * BUSY * SECONDS_A_MONTH / shape.cpu_seconds("x86_64")
        crossing = break_even(shape, Candidate.LAMBDA, Candidate.SERVICE, "x86_64")
        told = f"{crossing:,.0f}" if crossing else "never"
        cells = (f"{memory:,} MB, {milliseconds:,} ms", *standing, f"{carried:,.0f}", told)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _shape(memory_mb: float, milliseconds: float) -> Workload:
    """A steady load of one kind of request on the two small tasks."""
    return Workload(
        name="",
        requests=1,
        duration_ms={"x86_64": milliseconds},
        memory_mb=memory_mb,
        cold_share=0,
        log_kb=0,
        task_vcpus=0.5,
        task_memory_gb=1 if memory_mb <= 1024 else 4,
        load_balancer="public",
        addresses=4,
    )


def _examples() -> str:
    rows = ["| workload | requests a month | answer |", "|---|---:|---|"]
    for name in EXAMPLES:
        found = example(name)
        link = f"[{found.name}](../examples/{name}.toml)"
        rows.append(f"| {link} | {found.requests:,.0f} | {sentence(choose(found))} |")
    return "\n".join(rows)


def _keys() -> str:
    rows = ["| key | what | values | if it is not said |", "|---|---|---|---|"]
    for key in Workload._fields:
        bounds = RANGES.get(key)
        values = f"{bounds[0]:,.10g} to {bounds[1]:,.10g}" if bounds else ""
        default = UNSAID.get(key, str(Workload._field_defaults.get(key, "an error")).lower())
        rows.append(f"| `{key}` | {KEYS[key]} | {values} | {default} |")
    return "\n".join(rows)


def _loads() -> str:
    """The three patterns at three loads, on arm64."""
    rows = ["| | a tenth | as in the example | ten times |", "|---|---:|---:|---:|"]
    for name, candidate in PATTERNS.values():
        found = example(name)
        usd = [total(candidate, one, "arm64") for one in _at_three_loads(found)]
        rows.append(f"| {found.name}, {candidate} | {' | '.join(f'${one:,.2f}' for one in usd)} |")
    return "\n".join(rows)


def _bills(name: str, candidate: Candidate) -> str:
    """One pattern at three loads, on arm64, by the items of its bill."""
    found = example(name)
    rows = [f"| [{found.name}](../examples/{name}.toml), a month | USD | of which |", "|---:|---:|---|"]
    for one in _at_three_loads(found):
        bill = sorted(items(candidate, one, "arm64"), key=lambda item: -item.usd)
        parts = "; ".join(f"{item.what} {item.usd:,.2f}" for item in bill if item.usd >= 0.005)
        rows.append(f"| {one.requests:,.0f} | {sum(item.usd for item in bill):,.2f} | {parts} |")
    return "\n".join(rows)


def _at_three_loads(found: Workload) -> list[Workload]:
    return [found._replace(requests=found.requests * times) for times in LOADS]


def _limits() -> str:
    shown = {
        "longest run": ("seconds", "s"),
        "memory": ("memory_mb", "MB"),
        "vCPU": ("vcpus", ""),
        "GPU": ("gpu", ""),
        "answer, synchronous": ("response_mb", "MB"),
        "until it runs, cold": ("start_seconds", "s"),
    }
    groups = {"lambda": "Lambda", "managed_instances": "Managed Instances", "fargate": "Fargate"}
    rows = [f"| | {' | '.join(groups.values())} |", "|---|" + "---:|" * len(groups)]
    for told, (name, unit) in shown.items():
        cells = []
        for group in groups:
            bound = limits().get(f"{group}.{name}")
            cells.append(
                f"[{bound.value:,g} {unit}]({bound.source})".replace(" ]", "]") if bound else "no limit"
            )
        rows.append(f"| {told} | {' | '.join(cells)} |")
    return "\n".join(rows)


def example(name: str) -> Workload:
    """One of examples/."""
    return load(str(ROOT / "examples" / f"{name}.toml"))


def main() -> None:
    from chooser.plot import plot

    for page in PAGES:
        page.write_text(filled(page.read_text()))
    CHARTS.mkdir(exist_ok=True)
    for name in CHARTED:
        plot(example(name), "x86_64", str(CHARTS / f"{name}.svg"))
        crossing = break_even(example(name), Candidate.LAMBDA, Candidate.SERVICE, "x86_64")
        sys.stdout.write(f"{name}: break-even {crossing and f'{crossing:,.0f}'}\n")
    sys.stdout.write(f"Prices as of {as_of()}\n")


if __name__ == "__main__":
    main()
