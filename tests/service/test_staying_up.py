"""The service under more than it can do, told to stop while it works, and after ten thousand requests."""

import asyncio
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.service import main
from tests.images import encode, noise
from tests.service.conftest import ROOT, SQUARES, Running, running, wait_until_ready
from tests.service.load import Answer, Client, hammer

SECONDS = float(os.environ.get("LOAD_SECONDS", "15"))
DEADLINE = 5.0
TASK_MB = 512
"""The smallest Fargate task has as much (0.25 vCPU)."""
CACHE_MB = 64
NO_DEARER = 1.3
"""CPU of a request, against that measured before: this machine's own drifts by a fifth."""
PHOTO = [f"/iiif/3/photo.jpg/full/{width},/0/default.jpg" for width in range(200, 1000, 25)]


def good(answers: list[Answer]) -> list[Answer]:
    return [one for one in answers if one.status == 200]


def measured(service: Running, *, seconds: float) -> tuple[list[Answer], float]:
    """What four clients get, and CPU seconds of each."""
    before = service.cpu_seconds()
    answers = asyncio.run(hammer(service.port, PHOTO, clients=4, seconds=seconds))
    return answers, (service.cpu_seconds() - before) / len(good(answers))


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_at_twice_what_it_can_serve_every_request_is_answered_in_time_and_right(
    photos: Path, tmp_path: Path
) -> None:
    options = {"DEADLINE_SECONDS": str(DEADLINE), "CACHE_MB": str(CACHE_MB), "QUEUE": "16"}
    with running(photos, tmp_path / "log", **options) as service:
        right = {path: digest(service.get(path)[2]) for path in PHOTO}
        before, cost = measured(service, seconds=4)
        speed = (os.cpu_count() or 1) / cost  # of a machine with nothing else to do: more than it can
        answers = asyncio.run(hammer(service.port, PHOTO, clients=64, seconds=SECONDS, rate=2 * speed))
        after, cost_after = measured(service, seconds=3)
        peak = service.memory_mb("VmHWM")
        assert service.process.poll() is None
    statuses = {status: sum(one.status == status for one in answers) for status in (200, 503, 0)}
    print(
        f"{speed:.0f} a second at most; {len(answers) / SECONDS:.0f} asked for by 64 clients: {statuses}, "
        f"slowest {max(one.seconds for one in answers):.2f} s, peak {peak:.0f} MB; "
        f"afterwards {cost_after / cost:.2f}x the CPU of each"
    )
    assert statuses[200] + statuses[503] == len(answers)
    assert statuses[503] > 0, "It was not asked for more than it can do."
    assert all(one.retry_after for one in answers if one.status == 503)
    assert all(
        digest(one.body) == right[one.path] for one in [*before, *answers, *after] if one.status == 200
    )
    assert max(one.seconds for one in answers) < DEADLINE + 1
    assert peak < TASK_MB
    assert len(good(after)) == len(after)
    assert cost_after < NO_DEARER * cost


def test_told_to_stop_under_load_it_answers_what_it_accepted_and_ends_with_0(
    photos: Path, tmp_path: Path
) -> None:
    async def until_told(service: Running) -> list[Answer]:
        loading = asyncio.create_task(hammer(service.port, PHOTO, clients=16, seconds=20))
        await asyncio.sleep(1)
        service.process.send_signal(signal.SIGTERM)
        return await loading

    with running(photos, tmp_path / "log", DRAIN_SECONDS="1") as service:
        answers = asyncio.run(until_told(service))
        stopped = time.monotonic()
        assert service.process.wait(25) == 0
        assert time.monotonic() - stopped < 25
    assert len(answers) > 16
    assert {one.status for one in answers} == {200}


def test_not_ready_while_it_drains_and_still_alive(photos: Path, tmp_path: Path) -> None:
    with running(photos, tmp_path / "log", DRAIN_SECONDS="4") as service:
        service.process.send_signal(signal.SIGTERM)
        while (found := service.get("/ready"))[0] == 200:
            pass
        assert found[2] == b"draining\n"
        assert service.get("/live")[0] == 200
        assert service.process.wait(25) == 0


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
        assert asyncio.run(ask(service, 2000)) == {200, 303, 400, 404}
        warm = service.memory_mb()
        assert asyncio.run(ask(service, 8000)) == {200, 303, 400, 404}
        after = service.memory_mb()
    print(f"{warm:.0f} MB after 2,000 requests, {after:.0f} MB after 10,000")
    assert after < warm * 1.1


def test_a_folder_is_served_without_any_aws_until_ctrl_c(photos: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "local.service", "--folder", str(photos), "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        address = next(line.strip() for line in process.stdout if "info.json" in line)
        service = Running(port=port, process=process, log=photos)
        wait_until_ready(service)
        status, _, body = service.get(address.removeprefix(service.url))
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
    assert (status, json.loads(body)["id"] + "/info.json") == (200, address)
    assert process.returncode == 0
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--folder", "/none"], "Error: /none is not a folder."),
        (["--folder", ".", "--port", "99999"], "Error: port 99999 is not free: choose another with --port."),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) != 0
    assert capsys.readouterr().err == f"{says}\n"


def test_a_wrong_setting_is_one_sentence_and_no_traceback(tmp_path: Path) -> None:
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
