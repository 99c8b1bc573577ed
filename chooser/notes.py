"""Remarks beyond the numbers: quotas, speed, unmeasured assumptions, and other AWS options."""

from collections.abc import Iterator

from chooser.candidates import FUNCTIONS, JOBS, SERVICES, Candidate, size
from chooser.choose import Verdict
from chooser.costs.sizing import BUSY, WORKER_BUSY
from chooser.prices import REGION
from chooser.workload import ARCHITECTURES, Workload
from runtime.placement.limits import limit

NOT_MODELLED = (
    "storage in S3, ECR and CloudWatch Logs; alarms, metrics and traces; transfer between zones; databases "
    "and their proxies; the function that starts a task; streamed responses of a REST API; Savings Plans, "
    "other discounts, support and taxes; deployments, builds and people"
)
SHORT_MICROVM_SECONDS = 28_800


def warnings(load: Workload, verdict: Verdict) -> Iterator[str]:
    """Yield caveats about a candidate: quotas, delays and limits."""
    if verdict.candidate in FUNCTIONS:
        yield from _of_functions(load, verdict)
    else:
        yield from _of_tasks(load, verdict)


def _of_functions(load: Workload, verdict: Verdict) -> Iterator[str]:
    rate = max(load.per_second)
    at_once = rate * load.seconds(verdict.architecture)
    quota, new = limit("lambda.concurrency"), limit("lambda.new_account_concurrency")
    if at_once > quota:
        yield f"{at_once:,.0f} run at once at the peak: ask for more than the quota of {quota:,.0f}."
    elif at_once > new:
        yield f"{at_once:,.0f} run at once at the peak: a new account starts with {new:,.0f}."
    if rate > (most := quota * limit("lambda.requests_per_concurrency")):
        yield f"{rate:,.0f} requests per second: a concurrency quota of {quota:,.0f} allows {most:,.0f}."
    if at_once > (step := limit("lambda.environments_per_10_seconds")):
        yield f"A function gains at most {step:,.0f} environments in ten seconds: a sudden peak is throttled."
    yield from _of_starts_and_answers(load, verdict)


def _of_starts_and_answers(load: Workload, verdict: Verdict) -> Iterator[str]:
    is_limited = verdict.candidate in (Candidate.LAMBDA, Candidate.PROVISIONED) and not load.long_connections
    if is_limited and limit("lambda.seconds_before") < load.longest_seconds:
        yield (
            f"The longest run takes {load.longest_seconds:,.0f} s: AWS's API has allowed "
            f"{limit('lambda.seconds'):,.0f} s since 2026-11-19, but its guide still says "
            f"{limit('lambda.seconds_before'):,.0f} s. Try it in your Region before you rely on it."
        )
    if verdict.candidate is Candidate.LAMBDA and load.init_ms / 1000 > load.start_seconds:
        cure = "provisioned concurrency" if load.snapstart else "provisioned concurrency or SnapStart"
        yield (
            f"{load.cold_share:.1%} of requests wait {load.init_ms / 1000:g} s for a start, and "
            f"start_seconds is {load.start_seconds:g}: {cure} shortens the wait."
        )
    default = limit("rest_api.seconds_by_default")
    if load.way_in == "rest-api" and load.longest_seconds > default:
        yield f"A REST API times out after {default:g} s; for a Regional one, this quota can be raised."
    if verdict.candidate is Candidate.MANAGED and load.memory_mb < limit("managed_instances.least_memory_mb"):
        yield f"Managed Instances: memory is at least {limit('managed_instances.least_memory_mb'):,.0f} MB."
    if load.payload_out_mb > limit("lambda.response_mb"):
        yield "The response is streamed: natively in Node.js, in Python by the Lambda Web Adapter."
    if load.long_connections:
        hours = limit("websocket_api.connection_seconds") / 3600
        yield f"A WebSocket API ends a connection after {hours:g} h, or ten idle minutes: clients reconnect."


def _of_tasks(load: Workload, verdict: Verdict) -> Iterator[str]:
    found, quota = size(verdict.candidate, load, verdict.architecture), limit("fargate.quota_vcpus")
    if not found:
        return
    rate = max(load.per_second)
    takes = load.task_seconds(verdict.architecture, found.vcpus)
    most = max(found.tasks) if verdict.candidate not in JOBS else max(1, rate * takes)
    if most * found.vcpus > quota:
        yield f"{most * found.vcpus:,.0f} vCPU at the peak: a new account has {quota:,.0f}."
    if verdict.candidate in SERVICES and load.long_connections and not load.connections:
        yield "connections is 0: set how many are open; they need tasks and load balancer capacity."
    if verdict.candidate in SERVICES:
        if takes > 1.5 * load.seconds(verdict.architecture):
            yield (
                f"A request takes {takes * 1000:,.0f} ms on {found}, "
                f"{load.seconds(verdict.architecture) * 1000:,.0f} ms in the function: "
                "set task_vcpus if that is too slow."
            )
        if load.peak_per_second > 2 * max(load.averages):
            yield "A service adds tasks within minutes: those for a burst must be running before it starts."
    spot = verdict.candidate is Candidate.RUN_TASK_SPOT
    if spot or load.spot_share:
        yield (
            "Spot stops a task at two minutes' notice, or has no capacity: "
            "save progress, fall back to on-demand."
        )


def sizing(load: Workload, verdict: Verdict) -> str:
    """Return how a candidate's task size was found, in a sentence; "" for a function."""
    found = size(verdict.candidate, load, verdict.architecture)
    if not found:
        return ""
    said = (found.vcpus, found.memory_gb) == (load.task_vcpus, load.task_memory_gb)
    raised = "as you set it, with the memory it needs" if load.task_vcpus and load.task_memory_gb else ""
    own = "as you set it" if said else raised or "the cheapest that carries the load"
    if verdict.candidate in JOBS:
        return f"Each task has {found}, {own}."
    few, many = (f"{one:,.0f}" if one >= 1 else f"{one:.2g}" for one in (min(found.tasks), max(found.tasks)))
    is_worker = verdict.candidate is Candidate.WORKER
    busy, when = (WORKER_BUSY, "in the busiest hour") if is_worker else (BUSY, "at the peak")
    count = f"{few} to {many} tasks" if few != many else f"{few} task{'s' * (few != '1')}"
    return f"{count} of {found}, {own}: CPU, memory and concurrency at most {busy:.0%} used {when}."


def borrowed(load: Workload, verdict: Verdict) -> Iterator[str]:
    """Yield a note on the prices in a candidate's bill that are derived from us-east-1's."""
    if found := sorted({one.name for item in verdict.items for one in item.prices if one.borrowed}):
        yield f"Not known for {load.region}, so taken from {REGION} with a range: {', '.join(found)}."


def unmeasured(load: Workload, *, late: bool) -> Iterator[str]:
    """Yield the unmeasured assumptions of the answer. late: whether a slow start rules a candidate out."""
    if load.assumed:
        yield f"Assumed, not measured: {', '.join(load.assumed)}."
    guessed = [key for key in ("cold_share", "init_ms") if key not in load.given]
    if "cpu_share" not in load.given and not load.cpu_ms:
        guessed.insert(0, "cpu_share")
    if "threads" not in load.given and load.memory_mb > limit("lambda.vcpu_at_mb"):
        guessed.append("threads")
    ways = {"front_door", "load_balancer", "events", "messages"}
    if not (ways & load.given or load.internet or load.long_connections):
        guessed.append("front_door (nothing calls it over HTTP)")
    if late and "start_seconds" not in load.given:
        guessed.append(f"start_seconds ({load.start_seconds:g} s, which rules out what starts later)")
    if guessed:
        yield f"Not given, so the defaults apply: {', '.join(guessed)}."
    for one in ARCHITECTURES:
        if one not in load.duration_ms:
            cheaper = ": a second costs 20 % less there" if one == "arm64" else ""
            yield f"{one} has no duration_ms, so no bill{cheaper}."


def elsewhere(load: Workload) -> Iterator[str]:
    """Yield other AWS options that may suit the workload; none is priced here."""
    waits = load.cpu_share < 0.5 or (load.cpu_ms and load.cpu_ms < min(load.duration_ms.values()) / 2)
    if load.way_in != "none" and waits:
        yield "Lambda Web Functions: one environment handles many requests at once while they wait (Node.js)."
    if load.way_in != "none" and not load.long_connections:
        yield "ECS Express Mode: one call creates a service; up to 25 services share a load balancer."
    if limit("lambda.seconds") < load.longest_seconds <= SHORT_MICROVM_SECONDS:
        yield "Lambda MicroVMs: up to eight hours, arm64, each with its own port."
    if load.way_in == "none" and load.start_seconds >= limit("fargate.start_seconds"):
        yield "AWS Batch: a queue with priorities, retries and timeouts for such tasks, at no extra charge."
        yield "Step Functions around a task (ecs:runTask.sync): waits, retries and a history."
