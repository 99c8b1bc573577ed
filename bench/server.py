"""Servers on loopback, and the CPU that their processes spend per request."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.measure import ONE_THREAD, ROOT
from bench.photos import PHOTOS

OURS = "this service"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server. address: returns the path of a photo, given its name, width and format."""

    port: int
    pid: int
    address: Callable[[str, int, str], str]

    def cpu(self) -> float:
        """Return the CPU seconds of the process and its children so far."""
        return cpu_of(self.pid)

    def ask(self, paths: Sequence[str]) -> tuple[float, float]:
        """Request the paths one by one over one connection, following one redirect each.

        Returns CPU and elapsed seconds per path, its redirect included. Raises RuntimeError if the final
        status is not 200.
        """
        cpu, started = self.cpu(), time.perf_counter()
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            for path in paths:
                status, body, location = get(connection, path)
                if status == 302:
                    status, body, _ = get(connection, location)
                if status != 200:
                    raise RuntimeError(f"{path}: {status} {body[:200]!r}")
        return (self.cpu() - cpu) / len(paths), (time.perf_counter() - started) / len(paths)


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process and its children so far, all threads.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = 0
    for one in (pid, *children):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def get(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes, str]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.getheader("Location", "")


@contextmanager
def launched(
    command: Sequence[str | Path], address: Callable[[str, int, str], str], *, tree: Path = ROOT
) -> Iterator[Server]:
    """Yield a running server, ours or another project's, that serves PHOTOS with one worker thread."""
    port = free_port()
    ours = {
        "SOURCE_FOLDER": str(PHOTOS),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WORKERS": "1",
        "CACHE_MB": "1024",
    }
    limits = {"MAX_PIXELS": "200000000", "DRAIN_SECONDS": "0"}
    process = subprocess.Popen(
        [str(port) if part == "PORT" else part for part in command],
        cwd=tree,
        env={**os.environ, **ONE_THREAD, **ours, **limits, "FOLDER": str(PHOTOS)},
        stdout=subprocess.DEVNULL,
    )
    with serving(process, port):
        yield Server(port=port, pid=process.pid, address=address)


@contextmanager
def serving(process: subprocess.Popen[bytes], port: int) -> Iterator[None]:
    """Yield once the process answers, or after 30 seconds; stop it afterwards."""
    try:
        for _ in range(300):
            with suppress(OSError), closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
                connection.request("GET", "/")
                connection.getresponse().read()
                break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """Return a loopback port that is not in use."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
