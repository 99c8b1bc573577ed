"""More rules for every template, about tasks, services and their network; see tests/synth/rules.py."""

from collections.abc import Iterator

from tests.synth.rules import Rule, Template, of_type, refers_to


def no_nat_gateway(template: Template) -> Iterator[str]:
    for name, _ in of_type(template, "AWS::EC2::NatGateway"):
        yield f"{name}: costs $33 a month that nobody asked for"


def no_limits_on_a_container(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, "AWS::ECS::TaskDefinition"):
        for container in resource["Properties"].get("ContainerDefinitions", []):
            if {"Cpu", "Memory", "MemoryReservation"} & container.keys():
                yield f"{name}: a limit on the container caps what RunTask asks for"


def nothing_is_open_to_the_world(template: Template) -> Iterator[str]:
    """Internal load balancers are exempt: they have no address that the internet could reach."""
    internal = [
        one["Properties"].get("SecurityGroups")
        for _, one in of_type(template, "AWS::ElasticLoadBalancingV2::LoadBalancer")
        if one["Properties"].get("Scheme") == "internal"
    ]
    for name, resource in of_type(template, "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"):
        properties = resource["Properties"]
        if refers_to(internal, name):
            continue
        for ingress in (properties, *properties.get("SecurityGroupIngress", [])):
            if ingress.get("CidrIp") == "0.0.0.0/0" or ingress.get("CidrIpv6") == "::/0":
                yield f"{name}: lets everybody in"


def containers_are_confined(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, "AWS::ECS::TaskDefinition"):
        for container in resource["Properties"].get("ContainerDefinitions", []):
            dropped = container.get("LinuxParameters", {}).get("Capabilities", {}).get("Drop")
            for fault, what in (
                (container.get("User", "0").startswith("0"), "runs as root"),
                (not container.get("ReadonlyRootFilesystem"), "may change its own files"),
                (dropped != ["ALL"], "keeps capabilities"),
                (not container.get("LogConfiguration"), "logs nowhere"),
                (not container.get("EntryPoint"), "does not say what it runs; a shell would swallow SIGTERM"),
                (not container.get("StopTimeout"), "does not say how long it may take to end"),
            ):
                if fault:
                    yield f"{name}: {what}"


def services_are_replaced_safely(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, "AWS::ECS::Service"):
        properties = resource["Properties"]
        deployment = properties.get("DeploymentConfiguration", {})
        alarms = {**deployment.get("Alarms", {}), "AlarmNames": None}
        is_watched = alarms == {"AlarmNames": None, "Enable": True, "Rollback": True}
        is_broken_off = deployment.get("DeploymentCircuitBreaker") == {"Enable": True, "Rollback": True}
        if not (is_watched if deployment.get("Strategy") == "CANARY" else is_broken_off):
            yield f"{name}: a deployment that fails hangs for hours"
        if deployment.get("MinimumHealthyPercent") != 100:
            yield f"{name}: a deployment takes tasks away"
        if "DesiredCount" in properties:
            yield f"{name}: a deployment undoes what autoscaling did"


WRITTEN_BY_EXEC = {"/managed-agents", "/var/lib/amazon/ssm", "/var/log/amazon/ssm"}


def shells_are_logged_and_can_start(template: Template) -> Iterator[str]:
    """Either everything that ECS Exec needs exists, including its session log, or nothing does."""
    clusters = [one["Properties"] for _, one in of_type(template, "AWS::ECS::Cluster")]
    sessions = [one.get("Configuration", {}).get("ExecuteCommandConfiguration", {}) for one in clusters]
    is_on = any(one.get("LogConfiguration", {}).get("CloudWatchLogGroupName") for one in sessions)
    for name, resource in of_type(template, "AWS::ECS::Service"):
        if resource["Properties"].get("EnableExecuteCommand", False) is not is_on:
            yield f"{name}: ECS Exec is on without a session log, or off although there is one"
    for name, resource in of_type(template, "AWS::ECS::TaskDefinition"):
        for container in resource["Properties"].get("ContainerDefinitions", []):
            written = {mount["ContainerPath"] for mount in container.get("MountPoints", [])}
            init = container.get("LinuxParameters", {}).get("InitProcessEnabled", False)
            if (written >= WRITTEN_BY_EXEC, init) != (is_on, is_on):
                yield f"{name}: lacks ECS Exec's writable folders or init process, or has them for nothing"


CONTAINER_RULES: tuple[Rule, ...] = (
    no_nat_gateway,
    no_limits_on_a_container,
    nothing_is_open_to_the_world,
    containers_are_confined,
    services_are_replaced_safely,
    shells_are_logged_and_can_start,
)
