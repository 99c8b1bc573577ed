"""What a bill has beside compute: the way in, other services' requests, the network, logs and transfer."""

from collections.abc import Iterator

from chooser.costs.items import GIB, Item, beyond_free, priced
from chooser.prices import month
from chooser.workload import SECONDS_A_MONTH, Workload

CONNECTIONS, ACTIVE, GB_HOUR, RULES, FREE_RULES = 25, 3000, 1, 1000, 10
"""Of one capacity unit: new connections per second, active ones per minute, GB per hour, rule evaluations per
second beyond ten rules. https://aws.amazon.com/elasticloadbalancing/pricing/
"""
FRAME_MB = 32 / 1024
"""A WebSocket API counts each 32 KB of a message: https://aws.amazon.com/api-gateway/pricing/"""
CDN = ("cloudfront", "internal")
"""Ways in whose answers leave by CloudFront."""


def front_door(load: Workload, free: bool) -> Iterator[Item]:
    """What calls a function."""
    millions = load.requests / 1e6
    match load.way_in:
        case "function-url":
            yield priced("function URL", millions, "function_url_million_requests")
        case "http-api":
            yield priced("HTTP API", millions, "http_api_million_requests")
        case "rest-api":
            yield priced("REST API", millions, "rest_api_million_requests")
        case "websocket-api":
            frames = max(1, -(-load.payload_in_mb // FRAME_MB)) + load.pushes * max(
                1, -(-load.payload_out_mb // FRAME_MB)
            )
            what = "WebSocket API, messages in and out"
            yield priced(what, millions * frames, "websocket_api_million_messages")
            minutes = load.connections * SECONDS_A_MONTH / 60 / 1e6
            yield priced(
                f"{load.connections:,.0f} connections open", minutes, "websocket_api_million_minutes"
            )
        case "alb":
            yield from load_balancer(load, "load balancer", 1)
            yield Item("2 public IPv4", 2 * month("public_ipv4_hour"), ("public_ipv4_hour",))
        case "cloudfront":
            yield priced("function URL", millions, "function_url_million_requests")
            yield cloudfront(load, free)


def load_balancer(load: Workload, what: str, share: float) -> Iterator[Item]:
    """An Application Load Balancer, of whose hours this service pays a share, and its capacity units."""
    yield Item(what, month("load_balancer_hour") * share, ("load_balancer_hour",))
    units = capacity_units(load)
    usage = month("load_balancer_capacity_hour") * units
    yield Item(f"{units:.2f} LCU", usage, ("load_balancer_capacity_hour",))


def capacity_units(load: Workload) -> float:
    """On average over the day: each hour is billed by the highest of the four dimensions."""
    gigabytes = (load.payload_in_mb + load.payload_out_mb) / GIB * 3600
    rules = max(0, load.listener_rules - FREE_RULES)
    return sum(
        max(
            rate / load.requests_per_connection / CONNECTIONS,
            load.connections / ACTIVE,
            rate * gigabytes / GB_HOUR,
            rate * rules / RULES,
        )
        for rate in load.averages
    ) / len(load.hours)


def cloudfront(load: Workload, free: bool) -> Item:
    """Requests; what goes out is a line of its own."""
    billed = beyond_free(load.requests, "free_cloudfront_requests", free)
    return priced("CloudFront requests", billed / 1e6, "cloudfront_million_requests")


def requests_elsewhere(load: Workload, free: bool) -> Iterator[Item]:
    """What each run asks of S3, EventBridge, SQS and DynamoDB."""
    runs = load.runs
    each = (
        ("S3 writes", load.puts, 1e3, "s3_thousand_puts"),
        ("S3 reads", load.gets, 1e3, "s3_thousand_gets"),
        ("EventBridge events", load.events, 1e6, "events_million"),
        ("DynamoDB writes", load.table_writes, 1e6, "table_million_writes"),
        ("DynamoDB reads", load.table_reads, 1e6, "table_million_reads"),
    )
    for what, count, unit, name in each:
        if count:
            yield priced(f"{runs * count:,.0f} {what}", runs * count / unit, name)
    if load.messages:
        billed = beyond_free(runs * load.messages, "free_queue_requests", free)
        yield priced(f"{runs * load.messages:,.0f} SQS requests", billed / 1e6, "queue_million_requests")


def network(load: Workload) -> Iterator[Item]:
    """NAT gateways with their addresses, interface endpoints, and the gigabytes through them."""
    gigabytes = load.runs * load.network_mb / GIB
    if load.nat_gateways:
        usd = load.nat_gateways * (month("nat_gateway_hour") + month("public_ipv4_hour"))
        names = ("nat_gateway_hour", "public_ipv4_hour")
        yield Item(f"{load.nat_gateways:g} NAT gateways and their IPv4", usd, names)
        yield priced(f"{gigabytes:,.1f} GB through them", gigabytes, "nat_gateway_gb")
    if load.endpoints:
        usd = load.endpoints * month("interface_endpoint_hour")
        yield Item(f"{load.endpoints:g} interface endpoints", usd, ("interface_endpoint_hour",))
        if not load.nat_gateways:
            yield priced(f"{gigabytes:,.1f} GB through them", gigabytes, "interface_endpoint_gb")


def logs(load: Workload, name: str, free: bool) -> Item:
    """Ingested; functions' logs have tiers."""
    gigabytes = load.runs * load.log_kb / 1e6
    return priced(f"{gigabytes:,.2f} GB of logs", beyond_free(gigabytes, "free_logs_gb", free), name)


def transfer(load: Workload, way: str, free: bool) -> Iterator[Item]:
    """Answers that leave AWS, by CloudFront or straight."""
    if not (load.internet and load.payload_out_mb):
        return
    out = load.requests * load.payload_out_mb / GIB
    by_cdn = way in CDN
    billed = beyond_free(out, "free_cloudfront_out_gb" if by_cdn else "free_transfer_out_gb", free)
    what = f"{out:,.1f} GB out {'by CloudFront' if by_cdn else 'to the internet'}"
    yield priced(what, billed, "cloudfront_out_gb" if by_cdn else "transfer_out_gb")
