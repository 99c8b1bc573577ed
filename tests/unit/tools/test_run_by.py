"""Whether tasks of the local AWS run in Docker or as processes, and the error if neither is possible."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools.local_aws import aws
from tools.local_aws.aws import LocalAwsError, run_by


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes this look like another machine."""

    def make(*, docker: bool, platform: str = "linux", asked: str = "") -> None:
        run_by.cache_clear()
        monkeypatch.setattr("tools.local_aws.aws.shutil.which", lambda _: "docker" if docker else None)
        answer: Any = lambda *_, **__: SimpleNamespace(returncode=0)  # noqa: E731
        monkeypatch.setattr("tools.local_aws.aws.subprocess.run", answer)
        monkeypatch.setattr("tools.local_aws.aws.sys.platform", platform)
        monkeypatch.setenv("LOCAL_AWS_CONTAINERS", asked)

    return make


@pytest.fixture(autouse=True)
def forget() -> Any:
    yield
    run_by.cache_clear()


@pytest.mark.parametrize(
    ("docker", "platform", "asked", "expected"),
    [
        (True, "linux", "", "docker"),
        (True, "darwin", "", "docker"),
        (True, "linux", "processes", "processes"),
        (False, "linux", "", "processes"),
    ],
)
def test_docker_is_taken_where_it_answers(
    machine: Callable[..., None], docker: bool, platform: str, asked: str, expected: str
) -> None:
    machine(docker=docker, platform=platform, asked=asked)
    assert run_by() == expected


@pytest.mark.parametrize(
    ("docker", "platform", "asked", "says"),
    [
        (False, "darwin", "", "Tasks need a Docker daemon here, and none answers"),
        (True, "darwin", "processes", "processes works on Linux only"),
        (False, "linux", "docker", "no Docker daemon answers"),
        (False, "linux", "podman", "Allowed: docker, processes"),
    ],
)
def test_where_tasks_cannot_run_it_says_so(
    machine: Callable[..., None], docker: bool, platform: str, asked: str, says: str
) -> None:
    machine(docker=docker, platform=platform, asked=asked)
    with pytest.raises(LocalAwsError, match=says):
        run_by()


def test_without_docker_an_image_is_the_folder_that_was_built(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "a.py").write_text("1")
    script = Path(aws.__file__).with_name("docker.py")

    def docker(*arguments: str) -> int:
        environment = {"LOCAL_AWS_CONTAINERS": "processes", "LOCAL_AWS_IMAGES": str(tmp_path / "images")}
        command = [sys.executable, str(script), *arguments]
        return subprocess.run(command, env=environment, cwd=context, capture_output=True).returncode

    assert docker("inspect", "one") == 1
    assert docker("build", "--tag", "one", "--file", "Dockerfile", ".") == 0
    assert docker("inspect", "one") == 0
    assert docker("tag", "one", "host/two:3") == 0
    assert docker("push", "host/two:3") == 0
    assert docker("run", "one") != 0
    assert (tmp_path / "images" / "host%2Ftwo%3A3" / "a.py").read_text() == "1"
