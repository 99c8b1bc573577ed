"""Another kind of work runs through dispatcher, worker and tracker, none of which knows what it is."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from runtime.jobs.record import State
from stacks.imports import closure
from tests.support.hybrid import World, make_world
from tests.support.lines import Lines

ROOT = Path(__file__).parents[4]
SMALL = b"one\ntwo\nthree\n"
LARGE = b"a line of text\n" * 100_000
SEAM = (
    *("lambda_src/dispatcher/dispatch.py", "lambda_src/tracker/track.py", "lambda_src/tracker/handler.py"),
    *("container/worker/run.py", "container/worker/attempt.py"),
    *(str(path.relative_to(ROOT)) for path in ROOT.glob("runtime/jobs/*.py")),
    *(str(Path("runtime", "work", f"{name}.py")) for name in ("work", "works", "source")),
)
"""Files that a team need not change for another kind of work."""


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        made = make_world()
        made.kinds = [Lines()]
        yield made


def result(world: World, path: str) -> bytes:
    return bytes(world.s3.get_object(Bucket="output", Key=f"v/{world.job.job_id}/{path}")["Body"].read())


def manifest(world: World) -> dict[str, Any]:
    return dict(json.loads(result(world, "manifest.json")))


def test_a_small_file_is_done_by_the_function(world: World) -> None:
    assert world.dispatch(world.upload(SMALL, "a.txt")).metric == "DoneByLambda"
    assert (world.job.state, world.job.where) == (State.DONE, "lambda")
    assert result(world, "numbered.txt") == b"1 one\n2 two\n3 three\n"
    assert result(world, "count.json") == b"3"
    assert (manifest(world)["lines"], manifest(world)["source"]["key"]) == (3, "a.txt")
    assert "A text of 14 bytes" in world.job.placement


def test_a_large_file_is_done_by_a_task_that_tells_of_its_progress(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("container.worker.attempt.EVERY_SECONDS", 0)
    told: list[int] = []
    progress = type(world.jobs).progress

    def tell(self: Any, job_id: str, attempt: int, percent: int) -> bool:
        told.append(percent)
        monkeypatch.setattr("container.worker.attempt.EVERY_SECONDS", 1 if len(told) > 3 else 0)
        return progress(self, job_id, attempt, percent)

    monkeypatch.setattr(type(world.jobs), "progress", tell)
    assert world.dispatch(world.upload(LARGE, "a.txt")).metric == "TaskStarted"
    assert "lambda_seconds" in world.job.decided_by
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, world.job.where, world.job.percent) == (State.DONE, "fargate", 100)
    assert len(told) > 3
    assert result(world, "count.json") == b"100000"
    assert manifest(world)["placed"]["where"] == "fargate"


@pytest.mark.parametrize("data", [b"\0", SMALL + b"\0", LARGE + b"\0"])
def test_a_rejected_file_leaves_nothing_but_its_reason(world: World, data: bytes) -> None:
    world.dispatch(world.upload(data, "a.txt"))
    for task in world.ecs.live:
        world.track(world.run_task(task))
    assert world.job.state is State.REJECTED
    assert world.job.message == "unsupported-format: The file holds a NUL byte: it is not text."
    assert world.keys() == [f"rejected/{world.job.job_id}.json"]


def test_a_task_that_ends_early_is_followed_by_another(world: World) -> None:
    world.dispatch(world.upload(LARGE, "a.txt"))
    world.track(world.ecs.end(world.ecs.live[0], exit_code=137))
    world.deliver_wake_ups()
    world.track(world.run_task(world.ecs.live[0]))
    assert (world.job.state, world.job.attempt) == (State.DONE, 2)


def test_dispatcher_tracker_and_worker_import_nothing_about_images() -> None:
    for name in SEAM:
        tree = ast.parse((ROOT / name).read_text())
        modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not [module for module in modules if "imaging" in module or "scan" in module], name
    for module in ("lambda_src.tracker.handler", "runtime.jobs.task_launcher", "container.worker.run"):
        shipped = {file.relative_to(ROOT).as_posix() for file in closure(module)}
        assert not [file for file in shipped if "imaging" in file or "scan" in file], module
