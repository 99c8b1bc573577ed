"""Costs other than compute: entry points, requests to other services, network, logs and data transfer."""

from collections.abc import Iterator

from chooser.costs.items import GIB, Item, beyond_free, priced, standing
from chooser.workload import SECONDS_A_MONTH, Workload

CONNECTIONS, ACTIVE, RULES, FREE_RULES, FUNCTION_GB_HOUR = 25, 3000, 1000, 10, 0.4
"""Dimensions of a load balancer capacity unit: new connections per second, active ones per minute, rule
evaluations per second beyond ten rules, GB per hour to functions (1 to tasks).
https://aws.amazon.com/elasticloadbalancing/pricing/
"""
STEP_MB = 0.5
FRAME_MB = 32 / 1024
"""WebSocket APIs bill each 32 KB of a message: https://aws.amazon.com/api-gateway/pricing/"""
CDN = ("cloudfront", "internal")
"""Entry points whose answers leave through CloudFront."""


def front_door(load: Workload, free: bool) -> Iterator[Item]:
    """Yield the cost of what invokes a function."""
    millions = load.requests / 1e6
    match load.way_in:
        case "function-url":
            yield priced(load, "function URL", millions, "function_url_million_requests")
        case "http-api":
            yield http_api(load)
        case "rest-api":
            yield priced(load, "REST API", millions, "rest_api_million_requests")
        case "websocket-api":
            frames = max(1, -(-load.payload_in_mb // FRAME_MB)) + load.pushes * max(
                1, -(-load.payload_out_mb // FRAME_MB)
            )
            what = "WebSocket API, messages in and out"
            yield priced(load, what, millions * frames, "websocket_api_million_messages")
            minutes = load.connections * SECONDS_A_MONTH / 60 / 1e6
            yield priced(
                load, f"{load.connections:,.0f} connections open", minutes, "websocket_api_million_minutes"
            )
        case "alb":
            yield from load_balancer(load, "load balancer", 1, FUNCTION_GB_HOUR)
            yield standing(load, "2 public IPv4", 2, "public_ipv4_hour")
        case "cloudfront":
            yield priced(load, "function URL", millions, "function_url_million_requests")
            yield cloudfront(load, free)


def http_api(load: Workload) -> Item:
    """Return the cost of an HTTP API, which bills each 512 KB of the larger of request and response."""
    steps = max(1, -(-max(load.payload_in_mb, load.payload_out_mb) // STEP_MB))
    return priced(load, "HTTP API", load.requests * steps / 1e6, "http_api_million_requests")


def load_balancer(load: Workload, what: str, share: float, gb_hour: float = 1) -> Iterator[Item]:
    """Yield the cost of an Application Load Balancer: `share` of its hours, and its capacity units."""
    yield standing(load, what, share, "load_balancer_hour")
    units = capacity_units(load, gb_hour)
    yield standing(load, f"{units:.2f} LCU", units, "load_balancer_capacity_hour")


def capacity_units(load: Workload, gb_hour: float) -> float:
    """Return capacity units, averaged over the day; in each hour, the highest of four dimensions counts."""
    gigabytes = (load.payload_in_mb + load.sent_mb) / GIB * 3600
    rules = max(0, load.listener_rules - FREE_RULES)
    return sum(
        max(
            connects / CONNECTIONS,
            load.connections / ACTIVE,
            rate * gigabytes / gb_hour,
            (connects if load.long_connections else rate) * rules / RULES,
        )
        for rate, connects in zip(load.averages, _connects(load), strict=True)
    ) / len(load.hours)


def _connects(load: Workload) -> list[float]:
    """Return new connections per second in each hour; messages on an open connection make none."""
    if load.long_connections:
        return [load.connects] * len(load.hours)
    return [rate / load.requests_per_connection for rate in load.averages]


def cloudfront(load: Workload, free: bool) -> Item:
    """Return the cost of CloudFront's requests, without data transfer.

    With long connections, only the requests that open a connection are counted.
    """
    requests = load.connects * SECONDS_A_MONTH if load.long_connections else load.requests
    billed = beyond_free(requests, "free_cloudfront_requests", free)
    return priced(load, "CloudFront requests", billed / 1e6, "cloudfront_million_requests")


def requests_elsewhere(load: Workload, free: bool) -> Iterator[Item]:
    """Yield the cost of each run's requests to S3, EventBridge, SQS and DynamoDB."""
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
            yield priced(load, f"{runs * count:,.0f} {what}", runs * count / unit, name)
    if load.messages:
        billed = beyond_free(runs * load.messages, "free_queue_requests", free)
        what = f"{runs * load.messages:,.0f} SQS requests"
        yield priced(load, what, billed / 1e6, "queue_million_requests")


def network(load: Workload) -> Iterator[Item]:
    """Yield the cost of NAT gateways with addresses, interface endpoints, and the traffic through them."""
    gigabytes = load.runs * load.network_mb / GIB
    if load.nat_gateways:
        usd = load.nat_gateways * (load.month("nat_gateway_hour") + load.month("public_ipv4_hour"))
        prices = load.price("nat_gateway_hour"), load.price("public_ipv4_hour")
        yield Item(f"{load.nat_gateways:g} NAT gateways and their IPv4", usd, prices)
        yield priced(load, f"{gigabytes:,.1f} GB through NAT gateways", gigabytes, "nat_gateway_gb")
    if load.endpoints:
        what = f"{load.endpoints:g} interface endpoints"
        yield standing(load, what, load.endpoints, "interface_endpoint_hour")
        if not load.nat_gateways:
            what = f"{gigabytes:,.1f} GB through interface endpoints"
            yield priced(load, what, gigabytes, "interface_endpoint_gb")


def logs(load: Workload, name: str, free: bool) -> Item:
    """Return the cost of log ingestion. name: of the price, which for functions' logs has tiers."""
    gigabytes = load.runs * load.log_kb / 1e6
    return priced(load, f"{gigabytes:,.2f} GB of logs", beyond_free(gigabytes, "free_logs_gb", free), name)


def transfer(load: Workload, way: str, free: bool) -> Iterator[Item]:
    """Yield the cost of answers and pushed messages that leave AWS, through CloudFront or directly."""
    if not (load.internet and load.sent_mb):
        return
    out = load.requests * load.sent_mb / GIB
    by_cdn = way in CDN
    billed = beyond_free(out, "free_cloudfront_out_gb" if by_cdn else "free_transfer_out_gb", free)
    what = f"{out:,.1f} GB out {'by CloudFront' if by_cdn else 'to the internet'}"
    yield priced(load, what, billed, "cloudfront_out_gb" if by_cdn else "transfer_out_gb")
