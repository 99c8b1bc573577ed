"""The service's container image, built and run as for a task: read-only, without privileges.

CONTAINER_BASE: another base image, where the Dockerfile's own cannot be pulled (.ci/docker makes one).
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from stacks.bundling import context
from stacks.fargate_pattern.http_service import HEALTHY
from tests.service.conftest import ROOT, SQUARES, Running

IMAGE = "lambda-or-fargate:tested"
OVER_BASE_MB = 200
AS_A_TASK = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=host")


def docker(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(["docker", *arguments], cwd=ROOT, capture_output=True, text=True)
    if check and done.returncode:
        pytest.fail(f"docker {arguments[0]} failed: {done.stderr[-2000:]}")
    return done


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the image from files with the modes of a checkout made under a umask of 077."""
    if not shutil.which("docker") or docker("info", check=False).returncode:
        pytest.skip("No Docker daemon answers here: the image is neither built nor run.")
    if docker("buildx", "version", check=False).returncode:
        os.environ["DOCKER_BUILDKIT"] = "0"  # a client without buildx has the older builder only
    base = os.environ.get("CONTAINER_BASE")
    arguments = ["--build-arg", f"BASE={base}"] if base else []
    copy = tmp_path_factory.mktemp("checkout") / "context"
    shutil.copytree(context("service", HEALTHY), copy)
    for path in copy.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    dockerfile = str(copy / "container" / "service" / "Dockerfile")
    docker("build", "--network=host", *arguments, "-f", dockerfile, "-t", IMAGE, str(copy))
    return IMAGE


def size_mb(name: str) -> float:
    return int(docker("image", "inspect", name, "--format", "{{.Size}}").stdout) / 1e6


def run(image: str, *command: str) -> "subprocess.CompletedProcess[str]":
    entry, *rest = command
    return docker("run", "--rm", *AS_A_TASK, f"--entrypoint={entry}", image, *rest, check=False)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A container that runs the service."""

    id: str
    port: int

    def state(self) -> dict[str, object]:
        return dict(json.loads(docker("inspect", self.id, "--format", "{{json .State}}").stdout))


@pytest.fixture
def task(image: str, photos: Path) -> Iterator[Task]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    photos.chmod(0o755)
    for folder in photos.parents:  # only their owner may enter pytest's folders, not the container's user
        with suppress(PermissionError):
            if folder.name.startswith("pytest-"):
                folder.chmod(0o755)
    environment: Sequence[str] = (
        "SOURCE_FOLDER=/photos",
        f"PORT={port}",
        "HOST=127.0.0.1",
        "DRAIN_SECONDS=1",
    )
    options = [f"--env={one}" for one in environment]
    found = docker("run", "--detach", *AS_A_TASK, f"--volume={photos}:/photos:ro", *options, image)
    task = Task(id=found.stdout.strip(), port=port)
    try:
        for _ in range(3000):  # nothing signals that a port is open, so poll
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield task
    finally:
        docker("rm", "--force", "--volumes", task.id)


def test_the_image_adds_less_than_200_mb_to_its_base(image: str) -> None:
    base = (
        os.environ.get("CONTAINER_BASE")
        or (ROOT / "container" / "service" / "Dockerfile").read_text().split("BASE=")[1].split()[0]
    )
    over = size_mb(image) - size_mb(base)
    print(f"{size_mb(image):.0f} MB, {over:.0f} MB over its base")
    assert over < OVER_BASE_MB


def test_it_is_not_root_and_writes_to_its_scratch_volume_only(image: str) -> None:
    assert run(image, "id", "-u").stdout.strip() == "10001"
    assert run(image, "touch", "/scratch/a").returncode == 0
    for place in ("/app/a", "/tmp/a", "/a"):
        assert run(image, "touch", place).returncode != 0


def test_the_image_contains_only_the_packages_and_our_two_folders(image: str) -> None:
    ours = {"container", "runtime"}
    assert set(run(image, "ls", "/app").stdout.split()) == {"packages", *ours}


def test_it_starts_from_bytecode(image: str) -> None:
    listed = run(image, "find", "/app/container/service", "/app/packages/starlette", "-name", "*.pyc").stdout
    assert "app.cpython-" in listed
    assert "applications.cpython-" in listed


def test_it_serves_is_healthy_and_ends_with_0_when_it_is_told_to(task: Task) -> None:
    service = Running(port=task.port, process=None, log=Path())  # type: ignore[arg-type]
    status, headers, _ = service.get(f"/iiif/3/{SQUARES}/full/300,/0/default.webp")
    assert (status, headers["content-type"]) == (200, "image/webp")
    assert docker("exec", task.id, "python3", "-m", "container.service.healthy").returncode == 0
    docker("stop", "--time=120", task.id)
    assert task.state()["ExitCode"] == 0


def test_it_is_not_healthy_when_nobody_answers(image: str) -> None:
    done = run(image, "python3", "-m", "container.service.healthy")
    assert done.returncode == 1
    assert "Nobody answers" in done.stderr
