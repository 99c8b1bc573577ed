"""Scale-in protection of a service's tasks through the ECS agent's endpoint, which MiniStack lacks.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
"""

import contextvars
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_region, json_response
from ministack.services import ecs, ecs_metadata
from ministack.services.cloudformation import stacks

from tools.local_aws.emulator.containers import CREDENTIALS

ACTION = "ecs:UpdateTaskProtection"
PATH = "/task-protection/v1/state"
HOURS_UNLESS_TOLD = 2
BY_THE_SCHEDULER = {
    "Deployment capacity limit",
    "Deployment completed",
    "Service scaling down",
    "Task definition updated",
}
"""Reasons that MiniStack's scheduler gives when it stops a task; it must not stop protected ones."""
Task = dict[str, Any]
_until: dict[str, float] = {}
"""End of each task's protection, by its ARN."""
_leaving: set[str] = set()
"""Tasks being stopped, too late to protect; MiniStack counts them as running until they end."""
_deciding = threading.Lock()
"""Held while a task is chosen to be stopped or protected, so that it is never both."""
_keys: dict[str, str] = {}
"""Access key of each task's role, with which its agent makes requests."""


def answer_as_the_agent_of_a_task() -> None:
    """Serve the task protection endpoint at $ECS_AGENT_URI, with the permissions of the task role."""
    register, answer = ecs._register_metadata, ecs_metadata.handle_request

    def register_with_agent(arn: str, *rest: Any) -> Any:
        token = register(arn, *rest)
        environment: dict[str, str] = rest[4]
        environment["ECS_AGENT_URI"] = environment["ECS_CONTAINER_METADATA_URI_V4"]
        credentials = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "").rsplit("/", 1)[-1]
        _keys[arn] = CREDENTIALS.get(credentials, {}).get("AccessKeyId", "")
        return token

    async def answer_as_agent(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if method != "PUT" or not path.endswith(PATH):
            return await answer(method, path, headers, body, query)
        arn = ecs_metadata._TOKEN_TO_TASK[path.removesuffix(PATH).rsplit("/", 1)[-1]]
        if contextvars.copy_context().run(_denied, arn):
            said = {"Arn": arn, "Code": "AccessDeniedException", "Message": f"not authorized: {ACTION}"}
            return json_response({"error": said}, status=400)
        failure = _set(arn, json.loads(body))
        return json_response({"failure": failure} if failure else {"protection": {"TaskArn": arn}})

    ecs._register_metadata, ecs_metadata.handle_request = register_with_agent, answer_as_agent


def end_services_while_others_are_answered() -> None:
    """Provision services in a thread: in the event loop, deletion would block an ending task's request."""
    blocks = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda kind: kind == "AWS::ECS::Service" or blocks(kind)


def protect_tasks_from_scale_in() -> None:
    """Keep the scheduler from stopping protected tasks; StopTask and service deletion stop any task."""
    reconcile, stop = ecs._reconcile_service_tasks, ecs._stop_task

    def reconcile_around_the_protected(cluster: str, key: str) -> None:
        service = ecs._services.get(key)
        if not service or service["status"] != "ACTIVE" or len(service["deployments"]) > 1:
            reconcile(cluster, key)
            return
        with _deciding:
            running = _running(service)
            staying = [arn for arn in running if arn not in _leaving]
            surplus = max(0, len(staying) - service["desiredCount"])
            chosen = [arn for arn in staying if not _is_protected(arn)][:surplus]
            _leaving.update(chosen)
        for arn in chosen:
            _beside(stop, {"task": arn, "cluster": cluster, "reason": "Service scaling down"})
        if not surplus and staying == running:
            reconcile(cluster, key)

    def stop_unless_protected(data: dict[str, Any]) -> Any:
        task = ecs._resolve_task(data["task"], ecs._resolve_cluster_name(data.get("cluster", "default")))
        if data.get("reason") in BY_THE_SCHEDULER and task:
            with _deciding:
                if _is_protected(task["taskArn"]):
                    return json_response({"task": ecs._sanitize(task)})
                _leaving.add(task["taskArn"])
        return stop(data)

    ecs._reconcile_service_tasks, ecs._stop_task = reconcile_around_the_protected, stop_unless_protected


def _set(arn: str, state: dict[str, Any]) -> dict[str, str]:
    """Set or remove protection; return the failure, if any. After a removal the scheduler runs at once."""
    task = ecs._tasks[arn]
    service = task.get("group", "").removeprefix("service:")
    is_of_a_service = task.get("group", "").startswith("service:")
    with _deciding:
        if not is_of_a_service or task["lastStatus"] != "RUNNING" or arn in _leaving:
            return {"Arn": arn, "Reason": "TASK_NOT_VALID", "Detail": "Not running in a service, or ending."}
        if state["ProtectionEnabled"]:
            _until[arn] = time.time() + (state.get("ExpiresInMinutes") or HOURS_UNLESS_TOLD * 60) * 60
            return {}
        _until.pop(arn, None)
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    _beside(ecs._reconcile_service_tasks, cluster, f"{cluster}/{service}")
    return {}


def _beside(call: Callable[..., Any], *arguments: Any) -> None:
    """Make a call in another thread: it may stop the very task whose request is still to be answered."""
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=[call, *arguments], daemon=True).start()


def _denied(arn: str) -> bool:
    """Return whether the task's role is denied ACTION. The agent's request is signed; the task's is not."""
    iam_evaluator._anonymous.set(False)
    return bool(iam_evaluator.enforce(_keys[arn], ACTION, "ecs", get_region(), resource_arn=arn))


def _is_protected(arn: str) -> bool:
    return _until.get(arn, 0) > time.time()


def _running(service: dict[str, Any]) -> list[str]:
    """Return the ARNs of a service's tasks that MiniStack does not count as stopping, newest first."""
    tasks = [
        (arn, task)
        for arn, task in list(ecs._tasks.items())
        if task.get("group") == f"service:{service['serviceName']}"
        and task.get("clusterArn") == service["clusterArn"]
        and task["lastStatus"] in ecs._PRE_STOP_STATUSES
    ]
    return [arn for arn, _ in sorted(tasks, key=lambda one: one[1].get("createdAt", ""), reverse=True)]
