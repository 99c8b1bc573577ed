"""Work in shell passes the tests of the same work in Python, and its worker exits with the right codes."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from examples.any_language.worker import LINES
from tests.support.hybrid import World, make_world
from tests.unit.container.test_worker import last_line, server, worker
from tests.unit.runtime.work.test_work_seam import (
    test_a_large_file_is_done_by_a_task_that_tells_of_its_progress,
    test_a_rejected_file_leaves_nothing_but_its_reason,
    test_a_small_file_is_done_by_the_function,
    test_a_task_that_ends_early_is_followed_by_another,
)

__all__ = [
    "server",
    "test_a_large_file_is_done_by_a_task_that_tells_of_its_progress",
    "test_a_rejected_file_leaves_nothing_but_its_reason",
    "test_a_small_file_is_done_by_the_function",
    "test_a_task_that_ends_early_is_followed_by_another",
]
"""An imported fixture, and imported tests, which pytest runs here too, with the `world` below."""


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        made = make_world()
        made.kinds = [LINES]
        yield made


@pytest.mark.parametrize(
    ("data", "code", "said"), [(b"one\ntwo\n", 0, "Done."), (b"\0", 3, "unsupported-format: ")]
)
@pytest.mark.usefixtures("server")
def test_the_worker_exits_with_0_if_shell_work_is_done_and_with_3_if_it_rejects(
    data: bytes, code: int, said: str
) -> None:
    world = make_world().by_tasks_only()
    world.kinds = [LINES]
    world.dispatch(world.upload(data, "a.txt"))
    process = worker(world.job.job_id, "examples.any_language.worker")
    line = last_line(process)
    assert line["message"].startswith(said)
    assert process.returncode == line["exit"] == code
