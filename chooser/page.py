"""Figures in the docs that come from the chooser; `python3 dev.py figures` writes them between markers."""

import re
import sys
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from chooser import streams
from chooser.candidates import JOBS, Candidate, bill, total
from chooser.choose import break_even, choose, sentence
from chooser.keys import KEYS, load
from chooser.prices import as_of, month, price
from chooser.report import answer
from chooser.workload import Workload
from runtime.placement.limits import limits

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CHARTS = ROOT / "docs" / "images"
EXAMPLES = (
    "thumbnails",
    "image-service",
    "small-image-service",
    "scans",
    "scans-all-day",
    "api",
    "nightly-report",
    "chat",
    "views",
    "videos",
)
CHARTED = ("image-service", "thumbnails")
ONE_VCPU_MB = int(limits()["lambda.vcpu_at_mb"].value)
PATTERNS = {
    "lambda": ("thumbnails", Candidate.LAMBDA),
    "fargate": ("image-service", Candidate.SERVICE),
    "hybrid": ("scans", Candidate.RUN_TASK),
}
"""Three patterns: the example workload of each, and the candidate that it runs on."""
LOADS = (0.1, 1, 10)
"""Multiples of the example's load."""
SHAPES = ((512, 100), (ONE_VCPU_MB, 500), (ONE_VCPU_MB, 2000), (3008, 5000))
"""Memory in MB and duration in milliseconds of requests."""
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
WAYS = ("http-api", "rest-api", "function-url")
MARKED = re.compile(r"(<!-- chooser: ([a-z-]+) -->\n).*?(<!-- /chooser -->)", re.DOTALL)


def lambda_request(memory_mb: float, milliseconds: float, architecture: str = "x86_64") -> float:
    """Return USD per request, without starts, logs and free tier."""
    gb_seconds = memory_mb / 1024 * milliseconds / 1000
    return (
        price("lambda_million_requests").usd / 1e6
        + gb_seconds * price(f"lambda_gb_second_{architecture}").usd
    )


def fargate_month(vcpus: float, memory_gb: float, architecture: str) -> float:
    """Return the cost of one task for a whole month, in USD."""
    cpu, memory = month(f"fargate_vcpu_hour_{architecture}"), month(f"fargate_gb_hour_{architecture}")
    return vcpus * cpu + memory_gb * memory


def service_month(addresses: int, *, tasks: int = 2, vcpus: float = 0.5, memory_gb: float = 1) -> float:
    """Return USD per month of an idle service on x86_64 behind one load balancer."""
    compute = tasks * fargate_month(vcpus, memory_gb, "x86_64")
    return compute + month("load_balancer_hour") + addresses * month("public_ipv4_hour")


def busy_ratio(architecture: str = "x86_64") -> float:
    """Return the price of a busy vCPU on Lambda, relative to one on Fargate with 2 GB."""
    function = ONE_VCPU_MB / 1024 * 3600 * price(f"lambda_gb_second_{architecture}").usd
    return function / (fargate_month(1, 2, architecture) / 730)


def task_job(minutes: float, *, vcpus: float = 1, memory_gb: float = 2) -> float:
    """Return the cost of a one-off task, without its start, in USD."""
    return fargate_month(vcpus, memory_gb, "x86_64") / 730 * minutes / 60


@cache
def blocks() -> dict[str, str]:
    """Return the contents of all blocks by name."""
    return {
        "headline": _headline(),
        "hand": _hand(),
        "break-even": _break_even(),
        "regions": _regions(),
        "examples": _examples(),
        "public": _public(),
        "limits": _limits(),
        "keys": _keys(),
        "loads": _loads(),
        "loads-stream": streams.table(example("views")),
        "loads-video": _bills("videos", Candidate.RUN_TASK),
        "loads-queue": _beside("scans-all-day", (Candidate.WORKER, *JOBS, Candidate.LAMBDA)),
        **{f"loads-{pattern}": _bills(*of) for pattern, of in PATTERNS.items()},
    }


def filled(page: str) -> str:
    """Return a page with every block up to date. Raises KeyError for a marker without a block."""
    made = blocks()
    return MARKED.sub(lambda found: f"{found[1]}{made[found[2]]}\n{found[3]}", page)


def _headline() -> str:
    """Return the README's excerpt of an answer."""
    found = example("thumbnails")
    return f"""\
```console
$ python3 -m chooser examples/thumbnails.toml
{found.name}: {found.requests:,.0f} requests a month

{answer(found).text}
...
```"""


def _hand() -> str:
    public, internal, each = service_month(4), service_month(2), lambda_request(ONE_VCPU_MB, 500)
    requests = [f"{usd / each / 1e6:.2f} million" for usd in (public, internal)]
    return f"""\
- Two tasks of 0.5 vCPU and 1 GB behind a public load balancer, with 4 public IPv4 addresses:
  **${public:.2f} a month**, as much as {requests[0]} Lambda requests of 1,769 MB for 500 ms.
- The same behind an internal load balancer (CloudFront's VPC origin), with 2 public IPv4 addresses:
  **${internal:.2f}**, as much as {requests[1]} of these requests.
- A vCPU that is busy for an hour costs **{busy_ratio():.2f} times** as much on Lambda as on Fargate.
- One task of 1 vCPU and 2 GB for twenty minutes: **${task_job(20):.4f}**."""


def _break_even() -> str:
    head = (
        "function",
        "as much as the two tasks, public",
        "as much as those, internal",
        "break-even, HTTP API",
        "break-even, REST API",
        "break-even, function URL",
    )
    rows = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for memory, milliseconds in SHAPES:
        each = lambda_request(memory, milliseconds)
        standing = [f"{service_month(addresses) / each:,.0f}" for addresses in (4, 2)]
        crossings = [_crossing(_shape(memory, milliseconds, way)) for way in WAYS]
        rows.append(f"| {' | '.join((f'{memory:,} MB, {milliseconds:,} ms', *standing, *crossings))} |")
    return "\n".join(rows)


def _regions() -> str:
    """Return bills of two examples at the prices of each shipped Region, on arm64."""
    rows = [f"| USD a month | {' | '.join(REGIONS)} |", "|---|" + "---:|" * len(REGIONS)]
    for name in ("image-service", "api"):
        found = example(name)
        for one in (Candidate.LAMBDA, Candidate.SERVICE):
            usd = [f"{total(one, found._replace(region=region), 'arm64'):,.2f}" for region in REGIONS]
            rows.append(f"| [{found.name}](../examples/{name}.toml), {one} | {' | '.join(usd)} |")
    return "\n".join(rows)


def _crossing(shape: Workload) -> str:
    found = break_even(shape, (Candidate.LAMBDA, "x86_64"), (Candidate.SERVICE, "x86_64"))
    return f"{found.requests:,.0f}" if found else "never"


def _shape(memory_mb: float, milliseconds: float, way: str) -> Workload:
    """Return a steady workload of one kind of request; no task size is set, so the cheapest is found."""
    return Workload(
        name="",
        requests=1_000_000,
        duration_ms={"x86_64": milliseconds},
        memory_mb=memory_mb,
        cold_share=0,
        log_kb=0,
        front_door=way,
        load_balancer="public",
        longest_seconds=milliseconds / 1000,
    )


def _examples() -> str:
    rows = ["| workload | requests a month | answer |", "|---|---:|---|"]
    for name in EXAMPLES:
        found = example(name)
        link = f"[{found.name}](../examples/{name}.toml)"
        rows.append(f"| {link} | {found.requests:,.0f} | {sentence(choose(found))} |")
    return "\n".join(rows)


def _public() -> str:
    """Return workloads that others published, next to our answers."""
    reported = tomllib.loads((ROOT / "chooser" / "reported.toml").read_text())
    head = "| workload | they report, Lambda / Fargate | they found cheaper | here | |"
    rows = [head, "|---|---:|---|---|---|"]
    for name, theirs in reported.items():
        found = load(str(ROOT / "examples" / "public" / f"{name}.toml"))
        best = choose(found, free=theirs.get("free", False))[0]
        figures = (f"{theirs[key]:,.2f}" if key in theirs else "-" for key in ("lambda", "tasks"))
        usd = theirs.get("reported", " / ".join(figures))
        link = f"[{found.name}](../examples/public/{name}.toml)"
        ours = f"{best.candidate}, {best.dollars}"
        cheaper = theirs["cheaper"].title()
        rows.append(f"| {link} | {usd} | {cheaper} | {ours} | {theirs.get('note', '')} |")
    return "\n".join(rows)


def _keys() -> str:
    rows = ["| key | what | allowed | default |", "|---|---|---|---|"]
    for name, key in KEYS.items():
        values = ""
        if isinstance(key.values, tuple):
            low, high = key.values[0], key.values[-1]
            numbers = not isinstance(low, str)
            values = f"{low:,.10g} to {high:,.10g}" if numbers else ", ".join(map(str, key.values))
        default = key.unsaid or str(Workload._field_defaults.get(name, "required")).lower()
        rows.append(f"| `{name}` | {key.what} | {values} | {default} |")
    return "\n".join(rows)


def _loads() -> str:
    """Return the monthly costs of the patterns in PATTERNS at three loads, on arm64."""
    rows = ["| | a tenth | as in the example | ten times |", "|---|---:|---:|---:|"]
    for name, candidate in PATTERNS.values():
        found = example(name)
        usd = [total(candidate, one, "arm64") for one in _at_three_loads(found)]
        rows.append(f"| {found.name}, {candidate} | {' | '.join(f'${one:,.2f}' for one in usd)} |")
    return "\n".join(rows)


def _bills(name: str, candidate: Candidate) -> str:
    """Return one pattern's bill at three loads, on arm64, by item."""
    found = example(name)
    rows = [f"| [{found.name}](../examples/{name}.toml), a month | USD | of which |", "|---:|---:|---|"]
    for one in _at_three_loads(found):
        items = sorted(bill(candidate, one, "arm64"), key=lambda item: -item.usd)
        parts = "; ".join(f"{item.what} {item.usd:,.2f}" for item in items if item.usd >= 0.005)
        rows.append(f"| {one.requests:,.0f} | {sum(item.usd for item in items):,.2f} | {parts} |")
    return "\n".join(rows)


def _beside(name: str, candidates: Sequence[Candidate]) -> str:
    """Return several candidates' costs at three loads, on arm64, without S3, for which all pay the same."""
    found = example(name)
    rows = [f"| [{found.name}](../examples/{name}.toml), a month | {' | '.join(candidates)} |"]
    rows.append("|---:|" + "---:|" * len(candidates))
    for one in _at_three_loads(found):
        bills = [bill(candidate, one, "arm64") for candidate in candidates]
        sums = (sum(item.usd for item in items if " S3 " not in item.what) for items in bills)
        rows.append(f"| {one.requests:,.0f} | {' | '.join(f'${usd:,.2f}' for usd in sums)} |")
    return "\n".join(rows)


def _at_three_loads(found: Workload) -> list[Workload]:
    return [found.times(times) for times in LOADS]


def _limits() -> str:
    shown = {
        "longest run": ("seconds", "s"),
        "memory": ("memory_mb", "MB"),
        "vCPU": ("vcpus", ""),
        "GPU": ("gpu", ""),
        "synchronous response": ("response_mb", "MB"),
        "cold start": ("start_seconds", "s"),
    }
    groups = {"lambda": "Lambda", "managed_instances": "Managed Instances", "fargate": "Fargate"}
    rows = [f"| | {' | '.join(groups.values())} |", "|---|" + "---:|" * len(groups)]
    for told, (name, unit) in shown.items():
        cells = []
        for group in groups:
            bound = limits().get(f"{group}.{name}")
            without = "not known" if name == "start_seconds" else "no limit"
            value = f"{bound.value:,g} {unit}".strip() if bound else without
            value = {"0": "no", "1": "yes"}.get(value, value) if name == "gpu" else value
            cells.append(f"[{value}]({bound.source})" if bound else value)
        rows.append(f"| {told} | {' | '.join(cells)} |")
    return "\n".join(rows)


def example(name: str) -> Workload:
    """Return a workload of examples/."""
    return load(str(ROOT / "examples" / f"{name}.toml"))


def main() -> None:
    """Write every page and chart."""
    from chooser.plot import plot

    for page in PAGES:
        page.write_text(filled(page.read_text()))
    CHARTS.mkdir(exist_ok=True)
    for name in CHARTED:
        plot(example(name), "x86_64", str(CHARTS / f"{name}.svg"))
    sys.stdout.write(f"Prices as of {as_of()}\n")


if __name__ == "__main__":
    main()
