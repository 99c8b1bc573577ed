"""The service as a process on loopback, over a folder of images."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pyvips
from iiif_validator.validator import ValidationInfo

from tests.support.images import encode, noise

ROOT = Path(__file__).parents[2]
SQUARES = "67352ccc-d1b0-11e1-89ae-279075081939.png"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service and its process; log: its output."""

    port: int
    process: "subprocess.Popen[Any]"
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers by lowercase names, and body."""
        request = urllib.request.Request(f"{self.url}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of the process so far, all threads."""
        if sys.platform != "linux":
            pytest.skip("Only Linux shows a process's CPU time in /proc.")
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Return the memory of the process, now or at its peak (VmHWM)."""
        if sys.platform != "linux":
            pytest.skip("Only Linux shows a process's memory in /proc.")
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(f"{what}:")[2].split()[0]) / 1024


@contextmanager
def running(folder: Path, log: Path, **environment: str) -> Iterator[Running]:
    """Run the service over a folder for the duration of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = {"HOST": "127.0.0.1", "PORT": str(port), "SOURCE_FOLDER": str(folder), "DRAIN_SECONDS": "0"}
    path = {"PATH": os.environ["PATH"], "VIPS_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "2"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "container.service"],
            cwd=ROOT,
            env={**path, **base, **environment},
            stdout=output,
            stderr=output,
        )
    service = Running(port=port, process=process, log=log)
    try:
        wait_until_ready(service)
        yield service
    finally:
        process.terminate()
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(service: Running) -> None:
    for _ in range(6000):  # nothing signals that a port is open, so poll
        if service.process.poll() is not None:
            pytest.fail(f"The service ended: {service.log.read_text()[-2000:]}")
        with suppress(OSError):
            if service.get("/ready")[0] == 200:
                return
        time.sleep(0.05)
    pytest.fail("The service is not ready after five minutes.")


def squares() -> bytes:
    """Return the validator's picture, in the colours that it checks: a hundred squares of 100 px."""
    colours = ValidationInfo().colorInfo
    rows = [
        pyvips.Image.arrayjoin(
            [pyvips.Image.black(100, 100).new_from_image(list(colours[x][y])) for x in range(10)], across=10
        )
        for y in range(10)
    ]
    return encode(pyvips.Image.arrayjoin(rows, across=1).copy(interpretation="srgb"), ".png")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    (folder / SQUARES).write_bytes(squares())
    (folder / "photo.jpg").write_bytes(encode(noise(3000, 2000), ".jpg"))
    (folder / "a b").mkdir()
    (folder / "a b" / "é+1%.jpg").write_bytes(encode(noise(300, 200), ".jpg"))
    (folder / "notes.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture(scope="session")
def service(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(photos, tmp_path_factory.mktemp("service") / "log") as found:
        yield found
