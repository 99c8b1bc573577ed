"""Observation of an ECS service: its load balancers' counts, and its tasks' utilisation."""

from collections.abc import Mapping, Sequence
from typing import Any

from chooser.observed.metrics import Metrics, NothingSeenError, Seen, Window, rounded
from runtime.placement.limits import limit


def service(session: Any, cluster: str, name: str, window: Window) -> Seen:
    """Observe an ECS service. Raises NothingSeenError, and boto3's errors."""
    ecs = session.client("ecs")
    found = ecs.describe_services(cluster=cluster, services=[name])["services"]
    if not found:
        raise NothingSeenError("there is no such service")
    if "taskDefinition" not in found[0]:
        raise NothingSeenError("its deployments are managed elsewhere: it names no task definition")
    task = ecs.describe_task_definition(taskDefinition=found[0]["taskDefinition"])["taskDefinition"]
    architecture = task.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64").lower()
    seen, counted = _requests(session, found[0].get("loadBalancers", []), window, architecture)
    seen.values.update(
        name=name, region=session.region_name, memory_mb=limit("lambda.vcpu_at_mb"), assumed=["memory_mb"]
    )
    seen.comments["memory_mb"] = "not seen, since it is not a function: what comes with one vCPU is assumed"
    dimensions = [{"ClusterName": found[0]["clusterArn"].rpartition("/")[2], "ServiceName": name}]
    client = session.client("cloudwatch")
    metrics = Metrics(client=client, window=window, namespace="AWS/ECS", dimensions=dimensions)
    _tasks(seen, metrics, task, counted)
    return seen


def _requests(
    session: Any, balancers: Sequence[Any], window: Window, architecture: str
) -> tuple[Seen, float]:
    """Return the load and request count that load balancers saw; if they saw none, only comments and 0."""
    unseen = f"not seen: {{ {architecture} = milliseconds of one request }}"
    client = session.client("elbv2")
    groups = [one["targetGroupArn"] for one in balancers if "targetGroupArn" in one]
    told = client.describe_target_groups(TargetGroupArns=groups)["TargetGroups"] if groups else []
    pairs = [
        (one["TargetGroupArn"], arn) for one in told for arn in one["LoadBalancerArns"] if "/app/" in arn
    ]
    if not pairs:
        without = "not seen: no Application Load Balancer counts them. Enter requests per month"
        return Seen(comments={"requests": without, "duration_ms": unseen}), 0
    metrics = Metrics(
        client=session.client("cloudwatch"),
        window=window,
        namespace="AWS/ApplicationELB",
        dimensions=[
            {"TargetGroup": group.rpartition(":")[2], "LoadBalancer": arn.rpartition(":loadbalancer/")[2]}
            for group, arn in pairs
        ],
    )
    try:
        seen, counted = metrics.load("RequestCount", "requests")
    except NothingSeenError as error:
        return Seen(comments={"requests": f"not seen: {error}", "duration_ms": unseen}), 0
    seconds, late = metrics.mean("TargetResponseTime"), metrics.most("TargetResponseTime", "p99")
    seen.comments["duration_ms"] = unseen
    if seconds:
        seen.values["duration_ms"] = {architecture: rounded(seconds * 1000)}
        most = f"p99 of the worst hour: {late * 1000:,.0f} ms"
        seen.comments["duration_ms"] = f"in the service, not in a function; {most}"
    balancer = client.describe_load_balancers(LoadBalancerArns=[pairs[0][1]])["LoadBalancers"][0]
    seen.values["internet"] = balancer.get("Scheme") == "internet-facing"
    seen.comments["internet"] = f"its load balancer is {balancer.get('Scheme')}; set payload_out_mb"
    return seen, counted


def _tasks(seen: Seen, metrics: Metrics, task: Mapping[str, Any], counted: float) -> None:
    """Record the tasks' CPU and memory; each task sends a sample per minute. counted: number of requests.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
    """
    vcpus, memory = int(task.get("cpu") or 0) / 1024, int(task.get("memory") or 0)
    samples, share = metrics.total("CPUUtilization", "SampleCount"), metrics.mean("CPUUtilization")
    if share is None or not vcpus:
        seen.comments["cpu_ms"] = "not seen: no CPUUtilization of the service, or no size of its task"
        return
    tasks = samples * 60 / metrics.window.seconds
    average = f"{tasks:.3g} tasks of {vcpus:g} vCPU and {memory / 1024:g} GB on average"
    seen.comments["task_vcpus"] = f"not set, so that the cheapest size is found; the service had {average}"
    if counted:
        seen.values["cpu_ms"] = rounded(samples * 60 * share / 100 * vcpus / counted * 1000)
        seen.comments["cpu_ms"] = "from all CPU time of the tasks, including what they use without requests"
    used = (metrics.mean("MemoryUtilization") or 0) / 100 * memory
    seen.comments["shared_memory_mb"] = f"not seen separately; a task used {used:,.0f} MB on average"
