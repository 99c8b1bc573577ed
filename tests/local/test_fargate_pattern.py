"""The templates of Network and FargatePattern, deployed by the real CDK CLI, with tasks that really run."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import pyvips
from botocore.exceptions import ClientError

from tests.local.conftest import Deployment, eventually, process_of
from tests.service.conftest import SQUARES, squares
from tests.support.browser import picture_of
from tests.support.images import encode, noise
from tests.support.validation import check_by_validator
from tools.commands.gallery import write_viewer
from tools.drivers.deployed import Answer
from tools.drivers.fargate_pattern import ServiceDriver
from tools.local_aws.aws import REGION

ROOT = Path(__file__).parents[2]
STACKS = ("Network", "FargatePattern")
PHOTO = "a b/é+1.jpg"


@pytest.fixture(scope="module", autouse=True)
def images(service: ServiceDriver) -> None:
    service.upload(SQUARES, squares())
    service.upload(PHOTO, encode(noise(900, 600), ".jpg"))


@contextmanager
def asking(service: ServiceDriver) -> Iterator[list[tuple[float, Answer]]]:
    """Send requests continually during the block, and record times and answers."""
    answers: list[tuple[float, Answer]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            path = f"{service.image(PHOTO)}/full/{100 + len(answers) % 800},/0/default.jpg"
            answer = service.get(path)
            answers.append((time.monotonic(), answer))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()


def failures(answers: list[tuple[float, Answer]]) -> list[tuple[float, Answer]]:
    return [(when, answer) for when, answer in answers if answer.status != 200]


def test_the_validator_passes_through_distribution_and_load_balancer(
    service: ServiceDriver, deployment: Deployment
) -> None:
    endpoint = deployment.aws.url.removeprefix("http://")
    address = json.loads(service.describe(SQUARES).body)["id"]
    check_by_validator(address.rpartition("/")[0], SQUARES, endpoint)


def test_a_key_with_slash_space_plus_and_accents_is_one_image(service: ServiceDriver) -> None:
    answer = service.describe(PHOTO)
    assert (answer.status, json.loads(answer.body)["width"]) == (200, 900)
    assert re.sub("@[0-9a-f]{16}", "", json.loads(answer.body)["id"]) == (
        f"{service.outputs['Url']}{service.image(PHOTO)}"
    )
    missing = service.describe("none")
    assert (missing.status, missing.headers["cache-control"]) == (404, "no-store")


def test_a_viewer_in_a_browser_draws_the_picture(service: ServiceDriver, tmp_path: Path) -> None:
    earth = ROOT / "samples" / "earth-blue-marble.jpg"
    service.upload("earth.jpg", earth.read_bytes())
    page = write_viewer(f"{service.browser_url}{service.image('earth.jpg')}", tmp_path / "viewer.html")
    seen = picture_of(page)
    wanted = pyvips.Image.thumbnail(str(earth), seen.width).copy_memory()
    top = (seen.height - wanted.height) // 2
    shown = seen.crop(0, top, wanted.width, wanted.height)
    assert (shown - wanted).abs().avg() < 12
    assert (shown.fliphor() - wanted).abs().avg() > 24, "the comparison accepts any picture"


@pytest.mark.containers
def test_a_task_is_bounded_as_the_template_says(service: ServiceDriver, deployment: Deployment) -> None:
    if deployment.aws.containers["LOCAL_AWS_CONTAINERS"] == "processes":
        pytest.skip("No Docker here: only a container has its own user and file system.")
    (container,) = service.tasks()[0]["containers"]

    def within(*command: str) -> "subprocess.CompletedProcess[str]":
        docker = ["docker", "exec", container["runtimeId"], *command]
        return subprocess.run(docker, capture_output=True, text=True)

    assert within("id", "-u").stdout.strip() == "10001"
    assert within("touch", "/scratch/a").returncode == 0
    for place in ("/app/a", "/tmp/a", "/a"):
        assert within("touch", place).returncode != 0
    found = subprocess.run(["docker", "inspect", container["runtimeId"]], capture_output=True, check=True)
    (inspected,) = json.loads(found.stdout)
    assert inspected["HostConfig"]["Memory"] == 2048 * 2**20
    assert inspected["HostConfig"]["CapDrop"] == ["ALL"]
    eventually(lambda: within("python3", "-m", "container.service.healthy").returncode == 0)


def test_a_tasks_role_reads_the_source_and_nothing_else(
    service: ServiceDriver, deployment: Deployment
) -> None:
    if sys.platform != "linux":
        pytest.skip("Only Linux shows a process's environment in /proc.")
    environment = Path(f"/proc/{process_of(deployment.aws, service.tasks()[0])}/environ").read_bytes()
    told = dict(one.partition(b"=")[::2] for one in environment.split(b"\0"))
    with urllib.request.urlopen(told[b"AWS_CONTAINER_CREDENTIALS_FULL_URI"].decode()) as answer:
        credentials = json.load(answer)

    def client(name: str) -> Any:
        session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["Token"],
            region_name=REGION,
        )
        return session.client(name, endpoint_url=deployment.aws.url)

    s3, other, root = client("s3"), "of-somebody-else", deployment.aws.client
    root("s3").create_bucket(Bucket=other)
    root("s3").put_object(Bucket=other, Key="secret.jpg", Body=b"1")
    queue = root("sqs").create_queue(QueueName=other)["QueueUrl"]
    assert s3.get_object(Bucket=service.source, Key=PHOTO)["ContentLength"] > 0
    assert s3.list_objects_v2(Bucket=service.source)["KeyCount"] >= 2
    denied: tuple[Callable[[], Any], ...] = (
        lambda: s3.put_object(Bucket=service.source, Key="a", Body=b"1"),
        lambda: s3.delete_object(Bucket=service.source, Key=PHOTO),
        lambda: s3.get_object(Bucket=other, Key="secret.jpg"),
        lambda: s3.list_objects_v2(Bucket=other),
        lambda: client("sqs").send_message(QueueUrl=queue, MessageBody="1"),
        lambda: client("ecs").list_tasks(cluster=service.outputs["ClusterName"]),
    )
    for call in denied:
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            call()
    root("s3").delete_object(Bucket=other, Key="secret.jpg")
    root("s3").delete_bucket(Bucket=other)
    root("sqs").delete_queue(QueueUrl=queue)


def test_of_two_tasks_one_is_killed_and_the_other_answers(
    service: ServiceDriver, deployment: Deployment
) -> None:
    names = {"cluster": service.outputs["ClusterName"], "service": service.outputs["ServiceName"]}
    service.client("ecs").update_service(**names, desiredCount=2)
    eventually(lambda: len(service.tasks()) == 2)
    victim = service.tasks()[0]
    with asking(service) as answers:
        eventually(lambda: len(answers) > 10)
        killed = time.monotonic()
        os.kill(process_of(deployment.aws, victim), signal.SIGKILL)
        eventually(lambda: _other_two(service, victim))
        back = time.monotonic()
        eventually(lambda: answers[-1][0] > back)
    failed = [when - killed for when, answer in failures(answers)]
    window = f"{min(failed):.2f} to {max(failed):.2f} s after it" if failed else "none"
    print(
        f"kill -9 of one task of two: {len(failed)} of {len(answers)} requests failed ({window}), "
        f"two tasks again after {back - killed:.1f} s"
    )
    assert all(killed <= when <= back for when, _ in failures(answers))
    assert len(failed) < sum(when > killed for when, _ in answers), "the other one answered"
    service.client("ecs").update_service(**names, desiredCount=1)
    service.wait_until_steady()


def _other_two(service: ServiceDriver, victim: Mapping[str, Any]) -> bool:
    running = {one["taskArn"] for one in service.tasks()}
    return len(running) == 2 and victim["taskArn"] not in running


@pytest.mark.slow
def test_an_image_that_crashes_is_rolled_back_and_the_old_tasks_answer_throughout(
    service: ServiceDriver, deployment: Deployment, tmp_path: Path
) -> None:
    copy = tmp_path / "app"
    left_out = {
        ".git",
        ".venv",
        ".ministack",
        ".thumbor",
        "node_modules",
        "build",
        "cdk.out",
        "tests",
        "bench",
    }
    shutil.copytree(ROOT, copy, ignore=lambda _, names: left_out & set(names))
    packages = copy / "build" / "packages"  # another worker may be making one
    shutil.copytree(ROOT / "build" / "packages", packages, ignore=shutil.ignore_patterns(".making-*"))
    entry = copy / "container" / "service" / "__main__.py"
    entry.write_text(f"raise SystemExit('It crashes.')\n{entry.read_text()}")
    crashing = replace(deployment.cdk, app=copy, folder=tmp_path / "cdk")
    before = service.service()["taskDefinition"]

    def failed() -> list[str]:
        deployments = service.service()["deployments"]
        return [one["rolloutStateReason"] for one in deployments if one["rolloutState"] == "FAILED"]

    with asking(service) as answers:
        crashing.deploy(*STACKS)
        (reason,) = eventually(failed)
        service.wait_until_steady()
        seen = time.monotonic()
        eventually(lambda: answers[-1][0] > seen)
    assert "circuit breaker" in reason
    assert service.service()["taskDefinition"] == before
    assert failures(answers) == []
    deployment.cdk.deploy(*STACKS)
    service.wait_until_steady()
