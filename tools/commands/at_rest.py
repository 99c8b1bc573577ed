"""Monthly costs of each idle pattern; `python3 dev.py figures` writes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from chooser.prices import HOURS, month, price
from stacks.constructs.python_function import ONE_VCPU_MB
from stacks.fargate_pattern.size import service_size
from stacks.network import ENDPOINTS, ZONES
from stacks.settings import Settings

LAMBDA_ALARM_METRICS, HYBRID_ALARM_METRICS, HYBRID_METRICS, STREAM_ALARM_METRICS = 6, 19, 4, 11
"""Numbers of metrics used by these patterns' alarms, and written by each sweep of HybridPattern's tracker."""
QUEUE_ALARM_METRICS = 10
"""Number of metrics of QueuePattern's eight alarms; the two that scale the service use two each."""
ANSWER_ALARM_METRICS = 6
"""Number of metrics of LambdaService's five alarms, one of which uses two."""
AT_REST = "docs/fargate-pattern.md#what-it-costs-at-rest"
Stage = Literal["sandbox", "production"]
ALARM_METRICS, METRICS = 12, 9
"""Numbers of metrics: those of FargatePattern's alarms, and those that container/service/metrics.py writes.

One of our six alarms uses three metrics, and each of two scaling policies creates two alarms of its own.
"""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A part of the monthly bill. usd: per month."""

    what: str
    usd: float


def items(*, stage: Stage, egress: str, architecture: str, waf: str = "off") -> Iterator[Item]:
    """Yield every item that is billed while FargatePattern is idle."""
    size = service_size(Settings(stage=stage))
    tasks, vcpus, gigabytes = size.min_tasks, size.vcpus, size.memory_mb / 1024
    compute = vcpus * month(f"fargate_vcpu_hour_{architecture}") + gigabytes * month(
        f"fargate_gb_hour_{architecture}"
    )
    yield Item(what=f"{tasks} x {vcpus:g} vCPU, {gigabytes:g} GB, {architecture}", usd=tasks * compute)
    yield Item(what="internal load balancer", usd=month("load_balancer_hour"))
    yield Item(what=f"alarms on {ALARM_METRICS} metrics", usd=ALARM_METRICS * month("alarm_month"))
    yield Item(what=f"{METRICS} metrics of the service", usd=METRICS * month("custom_metric_month"))
    if egress == "public-ip":
        yield Item(what=f"{tasks} public IPv4", usd=tasks * month("public_ipv4_hour"))
    if egress == "nat":
        nats = ZONES if stage == "production" else 1
        each = month("nat_gateway_hour") + month("public_ipv4_hour")
        yield Item(what=f"{nats} NAT gateway and its IPv4", usd=nats * each)
    if egress == "endpoints":
        each = ZONES * month("interface_endpoint_hour")
        yield Item(what=f"{len(ENDPOINTS)} endpoints in {ZONES} zones", usd=len(ENDPOINTS) * each)
    if waf == "on":
        yield Item(what="web ACL and rule", usd=month("web_acl_month") + month("web_acl_rule_month"))


def table(architecture: str = "arm64") -> str:
    """Return a Markdown table: a row per egress, a column per stage."""
    rows = [f"| `egress`, {architecture} | sandbox | production |", "|---|---|---|"]
    for egress in ("public-ip", "nat", "endpoints"):
        sums = (
            sum(item.usd for item in items(stage=stage, egress=egress, architecture=architecture))
            for stage in get_args(Stage)
        )
        rows.append(f"| {egress} | " + " | ".join(f"${usd:,.2f}" for usd in sums) + " |")
    return "\n".join(rows)


def standing(alarm_metrics: int, metrics: int = 0) -> float:
    """Return the USD per month of a pattern that has only alarms and metrics while idle."""
    return alarm_metrics * month("alarm_month") + metrics * month("custom_metric_month")


def stream(mode: str) -> float:
    """Return the USD per month of StreamPattern while idle; mode: the value of the setting `stream`."""
    hour = {"provisioned": "kinesis_shard_hour", "on-demand": "kinesis_on_demand_hour"}[mode]
    return month(hour) + standing(STREAM_ALARM_METRICS)


def function(warm: str, architecture: str = "arm64") -> float:
    """Return the USD per month of LambdaService while idle; warm: the value of the setting `warm`.

    Each start from a snapshot costs extra.
    """
    kept = {
        "provisioned": f"lambda_provisioned_gb_second_{architecture}",
        "snapstart": "lambda_snapstart_gb_second",
    }
    held = price(kept[warm]).usd * HOURS * 3600 * ONE_VCPU_MB / 1024 if warm in kept else 0
    return held + standing(ANSWER_ALARM_METRICS)


def _restored() -> str:
    """Return a sentence on the extra cost of starts from a snapshot."""
    usd = price("lambda_snapstart_restored_gb").usd * ONE_VCPU_MB / 1024
    return f"Each start from a snapshot costs another ${usd:.5f}."


def _in_use() -> str:
    """Return a sentence on the extra cost of a stream in use."""
    lines, puts = price("real_time_log_million_lines").usd, price("kinesis_million_puts").usd
    metric = month("custom_metric_month")
    return (
        f"In use, a million log lines cost ${lines:.2f} at CloudFront (`views=on`) "
        f"and ${puts:.3f} in a provisioned stream, "
        f"and each metric of the event source mapping costs ${metric:.2f} per month."
    )


def headline() -> str:
    """Return README's table of idle costs."""
    least = sum(item.usd for item in items(stage="sandbox", egress="public-ip", architecture="arm64"))
    hybrid, queue = standing(HYBRID_ALARM_METRICS, HYBRID_METRICS), standing(QUEUE_ALARM_METRICS)
    function_usd = f"${function('off'):,.2f}; ${function('provisioned'):,.2f} with `warm=provisioned`"
    stream_usd = f"${stream('provisioned'):,.2f}; ${stream('on-demand'):,.2f} with `stream=on-demand`"
    rows = {
        "FargatePattern": (
            f"from [${least:,.2f}]({AT_REST})",
            "tasks, a load balancer, addresses, alarms, metrics",
        ),
        "LambdaPattern": (f"${standing(LAMBDA_ALARM_METRICS):,.2f}", f"{LAMBDA_ALARM_METRICS} alarms"),
        "LambdaService": (function_usd, f"alarms on {ANSWER_ALARM_METRICS} metrics"),
        "HybridPattern": (
            f"${hybrid:,.2f}",
            f"alarms on {HYBRID_ALARM_METRICS} metrics, {HYBRID_METRICS} custom metrics of its jobs",
        ),
        "QueuePattern": (f"${queue:,.2f}", f"alarms on {QUEUE_ALARM_METRICS} metrics; no task runs"),
        "StreamPattern": (stream_usd, f"a shard, alarms on {STREAM_ALARM_METRICS} metrics"),
    }
    lines = (f"| {name} | {usd} | {what} |" for name, (usd, what) in rows.items())
    return "\n".join(("| idle stack | USD per month | for |", "|---|---|---|", *lines, ""))


def blocks() -> dict[str, str]:
    """Return the contents of all blocks by name."""
    rows = [f"| `{mode}` | ${stream(mode):,.2f} |" for mode in ("provisioned", "on-demand")]
    warm = [f"| `{name}` | ${function(name):,.2f} |" for name in ("off", "provisioned", "snapstart")]
    return {
        "function": "\n".join(("| `warm` | a month |", "|---|---:|", *warm, "", _restored())),
        "fargate": f"{table('arm64')}\n\n{table('x86_64')}",
        "readme": headline(),
        "stream": "\n".join(("| `stream` | a month |", "|---|---:|", *rows, "", _in_use())),
    }
