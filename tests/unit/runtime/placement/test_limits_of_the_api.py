"""Compares the limits with botocore's model of AWS's API: if a new botocore changes one, a test names it."""

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from runtime.placement.limits import limit, limits

SESSION = botocore.session.get_session()
SENTENCES = {
    "lambda.seconds": ("lambda", "CreateFunction", "the maximum allowed value is {:,.0f} seconds"),
    "lambda.disk_mb": ("lambda", "CreateFunction", "any whole number between 512 and {:,.0f} MB"),
    "lambda.request_mb": (
        "lambda",
        "Invoke",
        "For synchronous invocations, the maximum payload size is {:.0f} MB",
    ),
    "lambda.event_mb": (
        "lambda",
        "Invoke",
        "For asynchronous invocations, the maximum payload size is {:.0f} MB",
    ),
    "managed_instances.seconds": ("lambda", "CreateFunction", "a maximum allowed value of {:,.0f} seconds"),
    "managed_instances.synchronous_seconds": (
        "lambda",
        "Invoke",
        "Synchronous invocations can run for up to {minutes:.0f} minutes",
    ),
    "fargate.disk_gib": ("ecs", "RegisterTaskDefinition", "the maximum supported value is {:.0f} GiB"),
    "fargate.stop_seconds": ("ecs", "RegisterTaskDefinition", "the max stop timeout value is {:.0f} seconds"),
    "run_task.overrides_characters": (
        "ecs",
        "RunTask",
        "A total of {:.0f} characters are allowed for overrides",
    ),
    "run_task.token_characters": ("ecs", "RunTask", "Up to {:.0f} characters are allowed"),
    "run_task.tasks_a_call": ("ecs", "RunTask", "You can specify up to {:.0f} tasks for each call"),
}


def documented(shape: Any, seen: set[str]) -> Iterator[str]:
    """Yield the model's documentation of a shape and its members."""
    if shape.name in seen:
        return
    seen.add(shape.name)
    inner = [*getattr(shape, "members", {}).values()] if shape.type_name == "structure" else []
    inner += [shape.member] if shape.type_name == "list" else []
    yield shape.documentation
    for one in inner:
        yield one.documentation
        yield from documented(one, seen)


def said(service: str, operation: str) -> str:
    model = SESSION.get_service_model(service).operation_model(operation)
    assert model.input_shape
    texts = (model.documentation, *documented(model.input_shape, set()))
    return " ".join(re.sub(r"<[^>]+>", "", " ".join(texts)).split())


@pytest.mark.parametrize("name", SENTENCES)
def test_each_limit_is_the_one_in_the_models_documentation(name: str) -> None:
    service, operation, sentence = SENTENCES[name]
    assert sentence.format(limit(name), minutes=limit(name) / 60) in said(service, operation)


@pytest.mark.parametrize(
    ("name", "shape", "key"),
    [
        ("managed_instances.seconds", "CreateFunctionRequest", "Timeout"),
        ("managed_instances.memory_mb", "CreateFunctionRequest", "MemorySize"),
    ],
)
def test_each_limit_is_the_models_maximum(name: str, shape: str, key: str) -> None:
    members: Any = SESSION.get_service_model("lambda").shape_for(shape)
    assert members.members[key].metadata["max"] == limit(name)


def test_every_official_limit_of_lambda_and_run_task_but_two_is_compared() -> None:
    compared = {*SENTENCES, "managed_instances.memory_mb"}
    official = {
        name
        for name, one in limits().items()
        if one.confidence == "official" and name.startswith(("lambda.", "run_task.")) and one.value
    }
    assert official - compared == {"lambda.response_mb", "lambda.seconds_before"}
