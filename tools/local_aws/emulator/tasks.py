"""Gaps in MiniStack's ECS: what RunTask does, how a task ends, and who may do what. One function per gap."""

import contextvars
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs, eventbridge

from tools.local_aws.emulator.containers import STOP, client

Task = dict[str, Any]
QUOTA = "You've reached the limit on the number of vCPUs you can run concurrently"  # as Fargate says it


def size_tasks_as_they_are_asked() -> None:
    """Apply RunTask's overrides of CPU, memory and disk to the task; MiniStack only stores them."""
    run, build = ecs._run_task, ecs._build_run_kwargs

    def run_sized(data: dict[str, Any]) -> Any:
        answer = run(data)
        overrides = data.get("overrides") or {}
        for made in json.loads(answer[2]).get("tasks", []):
            task = ecs._tasks[made["taskArn"]]
            task.update({name: overrides[name] for name in _SIZES if name in overrides})
        return answer

    def build_sized(container: Any, definition: Task, *rest: Any) -> Any:
        (arn,) = (one for one in rest if isinstance(one, str) and ":task/" in one)
        overrides = ecs._tasks[arn].get("overrides") or {}
        sizes = {name: overrides[name] for name in _SIZES if name in overrides}
        return build(container, {**definition, **sizes}, *rest)

    ecs._run_task, ecs._build_run_kwargs = run_sized, build_sized
    ecs._ACTION_MAP["RunTask"] = run_sized


_SIZES = ("cpu", "memory", "ephemeralStorage")


def keep_to_a_quota() -> None:
    """Enforce a vCPU quota from the file that LOCAL_AWS_VCPUS names; MiniStack has none."""
    run, counting = ecs._run_task, threading.Lock()  # without a lock, two at once could both fit

    def run_within(data: dict[str, Any]) -> Any:
        file = Path(os.environ["LOCAL_AWS_VCPUS"])
        with counting:
            return run(data) if _fits(data, file) else _json({"tasks": [], "failures": [{"reason": QUOTA}]})

    ecs._run_task = ecs._ACTION_MAP["RunTask"] = run_within


def _fits(data: dict[str, Any], file: Path) -> bool:
    """Return whether the request and the running tasks fit into the quota.

    Requests without a client token are those of services: they always fit, and their tasks are not counted.
    """
    if not file.is_file() or not data.get("clientToken"):
        return True
    used = sum(
        int(task["cpu"])
        for _, task in list(ecs._tasks.all_items())
        if task["lastStatus"] != "STOPPED" and not task["group"].startswith("service:")
    )
    wanted = int((data.get("overrides") or {}).get("cpu", 1024))
    return used + wanted <= float(file.read_text()) * 1024


def remember_client_tokens() -> None:
    """Answer a repeated client token as before, and refuse it with other parameters.

    Failures are repeated too; after an hour, their reasons are left out. After 24 hours the token is
    forgotten; a request that raised an error is not remembered. MiniStack treats each request as a new one.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ECS_Idempotency.html
    """
    run, answering = ecs._run_task, threading.Lock()  # two at once with one token start one task
    known: dict[tuple[str, str], tuple[str, float, dict[str, Any]]] = {}

    def run_once(data: dict[str, Any]) -> Any:
        token = (data.get("cluster", ""), data.get("clientToken", ""))
        if not token[1]:
            return run(data)
        with answering:
            asked, now = json.dumps(data, sort_keys=True), time.time()
            if token not in known or now - known[token][1] > _TOKEN_SECONDS:
                answer = run(data)
                if answer[0] == 200:
                    known[token] = asked, now, json.loads(answer[2])
                return answer
            before, at, first = known[token]
            arns = [made["taskArn"] for made in first["tasks"]]
            if before != asked:
                return _conflict(arns)
            forgotten = now - at > _REASONS_SECONDS
            failures = [{} for _ in first["failures"]] if forgotten else first["failures"]
            return _json({"tasks": [ecs._sanitize(ecs._tasks[arn]) for arn in arns], "failures": failures})

    ecs._run_task = ecs._ACTION_MAP["RunTask"] = run_once


_TOKEN_SECONDS, _REASONS_SECONDS = 24 * 3600, 3600


def _conflict(arns: list[str]) -> Any:
    body = {"__type": "ConflictException", "message": "Another request", "resourceIds": arns}
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def _json(body: dict[str, Any]) -> Any:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body, default=str).encode()


def end_tasks_as_fargate_does() -> None:
    """Stop the container, then report its exit code; MiniStack reports 0 before the container has ended.

    If a container ran out of memory, its reason says so.
    """
    mark = ecs._mark_task_stopped

    def mark_as_it_ended(arn: str, task: Task, reason: str, code: str, exit_code: int | None = None) -> Any:
        if code == "UserInitiated" and ecs._task_is_active(arn, task):
            task["_told_to_stop"] = reason, code
            exit_code = _stop(task)
        reason, code = task.get("_told_to_stop", (reason, code))
        if any(_was_out_of_memory(container_id) for container_id in task.get("_docker_ids", [])):
            for container in task["containers"]:
                container["reason"] = "OutOfMemoryError: Container killed due to memory usage"
        return mark(arn, task, reason, code, exit_code)

    ecs._mark_task_stopped = mark_as_it_ended


def _stop(task: Task) -> int | None:
    code = None
    for container_id in task.get("_docker_ids", []):
        container = client().containers.get(container_id)
        container.stop(timeout=int(container.labels[STOP]))
        code = int(container.wait()["StatusCode"])
    return code


def _was_out_of_memory(container_id: str) -> bool:
    container = client().containers.get(container_id)
    container.reload()
    return bool(container.attrs["State"].get("OOMKilled"))


def tell_of_tasks_that_stopped() -> None:
    """Send an event when a task has stopped; MiniStack sends none."""
    mark = ecs._mark_task_stopped

    def mark_and_tell(arn: str, task: Task, *rest: Any, **named: Any) -> Any:
        marked = mark(arn, task, *rest, **named)
        if marked:
            entry = {
                "Source": "aws.ecs",
                "DetailType": "ECS Task State Change",
                "Detail": json.dumps(ecs._sanitize(task), default=str),
                "Resources": [arn],
            }
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
        return marked

    ecs._mark_task_stopped = mark_and_tell


def authorize_tasks_as_ecs_does() -> None:
    """Authorize DescribeTasks and StopTask on the task, and RunTask on the task definition.

    MiniStack authorizes all three on the cluster. RunTask also gets the condition key ecs:cluster.
    """
    find, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce
    cluster_asked: contextvars.ContextVar[str] = contextvars.ContextVar("cluster_asked", default="")

    def find_task(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        found = find(service, method, path, headers, body, *rest)
        action = {name.lower(): value for name, value in headers.items()}.get("x-amz-target", "")
        if service != "ecs" or not action.endswith(("RunTask", "DescribeTasks", "StopTask")):
            return found
        cluster_asked.set(found)
        asked = json.loads(body)
        named = asked.get("taskDefinition") or asked.get("task") or (asked.get("tasks") or [""])[0]
        here = f"arn:aws:ecs:{get_region()}:{get_account_id()}"
        kind = "task-definition" if "taskDefinition" in asked else f"task/{found.rsplit('/', 1)[-1]}"
        return named if named.startswith("arn:") else f"{here}:{kind}/{named}"

    def enforce_with_cluster(key: str, action: str, *rest: Any, **named: Any) -> Any:
        if action == "ecs:RunTask":
            named["service_context"] = {
                **(named.get("service_context") or {}),
                "ecs:cluster": cluster_asked.get(),
            }
        return enforce(key, action, *rest, **named)

    iam_actions.extract_resource_arn, iam_evaluator.enforce = find_task, enforce_with_cluster
