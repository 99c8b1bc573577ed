"""The service under overload, when it is stopped under load, and over ten thousand requests."""

import asyncio
import hashlib
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.conftest import ROOT, SQUARES, Running, running, wait_until_ready
from tests.support.images import encode, noise
from tests.support.load import Answer, Client, hammer
from tools.commands.service import main

CLIENTS = 64
TASK_MB = 512
"""Memory of the smallest Fargate task (0.25 vCPU)."""
CACHE_MB = 64
PHOTO = [f"/iiif/3/photo.jpg/full/{width},/0/default.jpg" for width in range(200, 1000, 25)]


def good(answers: list[Answer]) -> list[Answer]:
    return [one for one in answers if one.status == 200]


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_an_overloaded_service_answers_or_refuses_each_request_and_keeps_working(
    photos: Path, tmp_path: Path, rounds: int
) -> None:
    """64 clients at once are too many for a queue of 16 on machines with fewer than 48 processors."""
    with running(photos, tmp_path / "log", CACHE_MB=str(CACHE_MB), QUEUE="16") as service:
        right = {path: digest(service.get(path)[2]) for path in PHOTO}
        many = asyncio.run(hammer(service.port, PHOTO, clients=CLIENTS, requests=rounds * 3 * CLIENTS))
        after = asyncio.run(hammer(service.port, PHOTO, clients=4, requests=100))
        peak = service.memory_mb("VmHWM")
        assert service.process.poll() is None
    statuses = {status: sum(one.status == status for one in many) for status in (200, 503, 0)}
    print(f"{statuses}, slowest {max(one.seconds for one in many):.2f} s, peak {peak:.0f} MB")
    assert statuses[200] + statuses[503] == len(many)
    assert min(statuses[200], statuses[503]) > 0
    assert all(one.retry_after for one in many if one.status == 503)
    assert all(digest(one.body) == right[one.path] for one in [*many, *after] if one.status == 200)
    assert peak < TASK_MB
    assert {one.status for one in after} == {200}


def test_a_service_stopped_under_load_answers_what_it_accepted_and_ends_with_0(
    photos: Path, tmp_path: Path
) -> None:
    def tell(answered: int) -> None:
        if answered == 2 * clients:
            service.process.send_signal(signal.SIGTERM)

    clients = 16
    with running(photos, tmp_path / "log", DRAIN_SECONDS="1") as service:
        answers = asyncio.run(hammer(service.port, PHOTO, clients=clients, requests=10_000, after_each=tell))
        assert service.process.wait(120) == 0
    assert 2 * clients <= len(answers) < 10_000, "each client was told to close its connection"
    assert {one.status for one in answers} == {200}


def test_the_service_is_alive_but_not_ready_while_it_drains(photos: Path, tmp_path: Path) -> None:
    with running(photos, tmp_path / "log", DRAIN_SECONDS="600") as service:
        service.process.send_signal(signal.SIGTERM)
        while (found := service.get("/ready"))[0] == 200:
            pass
        assert found[2] == b"draining\n"
        assert service.get("/live")[0] == 200
        service.process.kill()


@pytest.mark.slow
def test_memory_stays_flat_over_ten_thousand_mixed_requests(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.jpg").write_bytes(encode(noise(600 + number, 400), ".jpg"))
    chance = random.Random(20261124)

    def path() -> str:
        name = f"/iiif/3/{chance.randrange(41)}.jpg"  # one of them does not exist
        left, top = chance.randrange(500), chance.randrange(300)
        return name + chance.choice(
            [
                "/info.json",
                "/info.json",
                "",
                f"/{left},{top},99,99/{chance.randrange(10, 99)},/0/default.jpg",
                f"/{left},{top},64,64/max/{chance.choice([0, 90, 12.5])}/gray.png",
                f"/square/{chance.randrange(40, 80)},/!0/default.webp",
                f"/full/{chance.randrange(5000)},/0/default.jpg",
                "/full/nonsense/0/default.jpg",
            ]
        )

    async def ask(service: Running, count: int) -> set[int]:
        async def some() -> set[int]:
            client, statuses = Client(port=service.port), set()
            for _ in range(count // 8):
                statuses.add((await client.get(path())).status)
            client.close()
            return statuses

        return set().union(*await asyncio.gather(*(some() for _ in range(8))))

    with running(folder, tmp_path / "log", CACHE_MB="16") as service:
        asyncio.run(ask(service, 1000))
        readings = []
        for _ in range(9):
            assert asyncio.run(ask(service, 1000)) == {200, 302, 303, 400, 404}
            readings.append(service.memory_mb())
    # A single reading varies by some megabytes.
    warm, after = statistics.median(readings[:3]), statistics.median(readings[-3:])
    print(f"{warm:.0f} MB after 3,000 requests, {after:.0f} MB after 9,000")
    assert after < warm * 1.1


def test_a_folder_is_served_without_any_aws_until_ctrl_c(photos: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tools.commands.service", "--folder", str(photos), "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        address = next(line.strip() for line in process.stdout if "info.json" in line)
        service = Running(port=port, process=process, log=photos)
        wait_until_ready(service)
        status, _, body = service.get(address.removeprefix(service.url))
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
    found = re.sub("@[0-9a-f]{16}", "", json.loads(body)["id"])
    assert (status, f"{found}/info.json") == (200, address)
    assert process.returncode == 0
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--folder", "/none"], "Error: /none is not a folder."),
        (
            ["--folder", ".", "--port", "99999"],
            "Error: port 99999 cannot be used: choose another with --port.",
        ),
    ],
)
def test_an_invalid_folder_or_port_is_an_error_of_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) != 0
    assert capsys.readouterr().err == f"{says}\n"


def test_a_wrong_setting_is_an_error_of_one_line_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "container.service"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "SOURCE_FOLDER": str(tmp_path / SQUARES)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: SOURCE_FOLDER=")
    assert done.stderr.count("\n") == 1
