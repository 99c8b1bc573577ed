"""Runs tasks for real: in Docker if a daemon answers, else as processes of this machine.

Each listens on a loopback address of its own, as each task in a VPC has its own address.
"""

import os
import random
import secrets
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ministack.core.responses import get_region
from ministack.services import alb, ecs, imds, sts

from tools.local_aws.emulator.processes import Processes

ADDRESS, STOP, RUN_BY = "local-aws.address", "local-aws.stop-timeout", "local-aws.run-by"
GRACE_SECONDS = 60
HERE = f"{os.getpid()}"
CREDENTIALS: dict[str, dict[str, str]] = {}
Task = dict[str, Any]


def client() -> Any:
    """Return Docker's client, or its stand-in, so that every task really runs."""
    if ecs._docker is None:
        if os.environ["LOCAL_AWS_CONTAINERS"] == "docker":
            import docker

            ecs._docker = docker.from_env()
        else:
            ecs._docker = Processes(os.environ["LOCAL_AWS_IMAGES"], os.environ["LOCAL_AWS_PYTHON"])
    return ecs._docker


def remove_all() -> None:
    """Remove every container that this process started."""
    if ecs._docker is not None:
        for container in ecs._docker.containers.list(all=True, filters={"label": f"{RUN_BY}={HERE}"}):
            with suppress(Exception):
                container.remove(force=True, v=True)


def run_containers_as_fargate_does() -> None:
    """Apply user, limits, read-only root, volumes, entry point and health command; MiniStack does not."""
    build = ecs._build_run_kwargs

    def build_like_fargate(
        container: dict[str, Any], task: Task, environment: dict[str, str], *rest: Any
    ) -> Any:
        container = _as_the_api_spells_it(container)
        options = build(container, task, environment, *rest)
        for name in ("network", "ports", "extra_hosts"):
            options.pop(name, None)
        address = ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])
        environment.update(HOST=address, AWS_REGION=get_region(), AWS_DEFAULT_REGION=get_region())
        options["labels"] |= {ADDRESS: address, STOP: str(container.get("stopTimeout", 30)), RUN_BY: HERE}
        rights = container.get("linuxParameters") or {}
        volumes = [mount["containerPath"] for mount in container.get("mountPoints", [])]
        cpus = int(task["cpu"]) / 1024
        return options | {
            "network_mode": "host",
            "entrypoint": container.get("entryPoint"),
            "user": container.get("user"),
            "read_only": bool(container.get("readonlyRootFilesystem")),
            "cap_drop": (rights.get("capabilities") or {}).get("drop"),
            "security_opt": ["no-new-privileges"],
            "volumes": volumes,
            "mem_limit": f"{task['memory']}m",
            "nano_cpus": int(min(cpus, os.cpu_count() or 1) * 1e9),
            "healthcheck": _health_check(container.get("healthCheck")),
        }

    ecs._build_run_kwargs = build_like_fargate
    ecs._get_docker = client
    ecs._container_ip = lambda container, network: container.labels[ADDRESS]


def _as_the_api_spells_it(value: Any) -> Any:
    """Lowercase the first letter of CloudFormation's keys; MiniStack does so at the first level only."""
    if isinstance(value, list):
        return [_as_the_api_spells_it(one) for one in value]
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _as_the_api_spells_it(one) for name, one in value.items()}
    return value


def _health_check(asked: dict[str, Any] | None) -> dict[str, Any] | None:
    if not asked:
        return None
    seconds = {"interval": "interval", "timeout": "timeout", "start_period": "startPeriod"}
    times = {name: int(asked[key]) * 10**9 for name, key in seconds.items() if key in asked}
    return {"test": asked["command"], "retries": asked.get("retries", 3), **times}


def give_tasks_their_role() -> None:
    """Give a task its role's credentials.

    MiniStack's credentials belong to no role, and their URL has a host name that is unknown here.
    """
    register, answer = ecs._register_metadata, imds.handle_request

    def register_with_role(
        arn: str, cluster: str, task: Task, container: Any, launch: str, environment: dict[str, str], *_: Any
    ) -> Any:
        token = register(arn, cluster, task, container, launch, environment, True, None)
        environment.pop("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        overrides = ecs._tasks[arn].get("overrides") or {}
        if role := overrides.get("taskRoleArn") or task.get("taskRoleArn"):
            CREDENTIALS[environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"].rsplit("/", 1)[-1]] = _session(
                role, arn
            )
        else:
            environment.pop("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        return token

    async def answer_with_role(method: str, path: str, *rest: Any) -> Any:
        if path.startswith("/v2/credentials/"):
            return imds._json_resp(CREDENTIALS[path.rsplit("/", 1)[-1]])
        return await answer(method, path, *rest)

    ecs._register_metadata, imds.handle_request = register_with_role, answer_with_role


def _session(role: str, task: str) -> dict[str, str]:
    key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    account, role_name, session = role.split(":")[4], role.rsplit("/", 1)[-1], task.rsplit("/", 1)[-1]
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{session}",
            "UserId": f"{role_name}:{session}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 6 * 3600))
    return {
        "AccessKeyId": key,
        "SecretAccessKey": secret,
        "Token": token,
        "RoleArn": role,
        "Expiration": expires,
    }


def wait_until_targets_are_healthy() -> None:
    """Send requests to a task only once it is healthy; MiniStack's load balancer sends them at once.

    A task counts as running once it is healthy, or after GRACE_SECONDS; a task that ends earlier
    has failed to start.
    """
    mark = ecs._mark_task_running

    def mark_when_healthy(arn: str, task: Task) -> Any:
        for url in _health_urls(task):
            end = time.monotonic() + GRACE_SECONDS
            while not _is_healthy(url) and time.monotonic() < end:
                if (code := _exit_code(task)) is not None:
                    ecs._mark_task_stopped(
                        arn, task, "Essential container in task exited", "EssentialContainerExited", code
                    )
                    return False
                time.sleep(0.1)  # polls: nothing notifies this process
        return mark(arn, task)

    ecs._mark_task_running = mark_when_healthy


def _health_urls(task: Task) -> Iterator[str]:
    service = task.get("group", "").removeprefix("service:")
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    for balancer in (ecs._services.get(f"{cluster}/{service}") or {}).get("loadBalancers", []):
        path = alb._tgs[balancer["targetGroupArn"]].get("HealthCheckPath", "/")
        yield f"http://{ecs._task_ip(task)}:{balancer['containerPort']}{path}"


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _exit_code(task: Task) -> int | None:
    """Return the exit code of the first container that has ended."""
    for container_id in task.get("_docker_ids", []):
        container = client().containers.get(container_id)
        container.reload()
        if container.status == "exited":
            return int(container.wait()["StatusCode"])
    return None


def wait_for_the_stop_timeout() -> None:
    """Wait for the container's stopTimeout between SIGTERM and SIGKILL; MiniStack waits five seconds."""
    remove = ecs._remove_docker_container

    def stop_and_remove(docker: Any, container: Any) -> None:
        with suppress(Exception):
            found = docker.containers.get(container) if isinstance(container, str) else container
            found.stop(timeout=int(found.labels[STOP]))
        remove(docker, container)

    ecs._remove_docker_container = stop_and_remove
