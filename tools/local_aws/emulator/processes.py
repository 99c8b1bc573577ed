"""A stand-in for the few calls of Docker's client that MiniStack's ECS makes, for machines without a daemon.

An image is the folder that `docker build` was given (../docker.py keeps it). A container is a process of this
machine's Python in that folder: with a memory limit, but no user, CPU limit or file system of its own.
"""

import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docker.errors import ImageNotFound, NotFound


class Processes:
    """A stand-in for Docker's client.

    images: folder of the images; python: the interpreter that has the packages.
    """

    def __init__(self, images: str, python: str) -> None:
        self.folder, self.python = Path(images), Path(python)
        self.images, self.containers = Images(self), Containers(self)

    def image(self, name: str) -> Path:
        folder = self.folder / quote(name, safe="")
        if not folder.is_dir():
            raise ImageNotFound(f"No image {name} was built.")
        return folder


class Images:
    """The `images` of a Docker client: only those built here, since there is no registry."""

    def __init__(self, docker: Processes) -> None:
        self.docker = docker

    def get(self, name: str) -> Path:
        return self.docker.image(name)

    def pull(self, name: str, **_: Any) -> Path:
        raise ImageNotFound(f"{name} is in no registry.")

    get_registry_data = pull


class Containers:
    """The `containers` of a Docker client."""

    def __init__(self, docker: Processes) -> None:
        self.docker = docker
        self._all: dict[str, Container] = {}

    def run(self, image: str, **options: Any) -> "Container":
        container = Container(self.docker, image, options)
        self._all[container.id] = container
        return container

    def get(self, container_id: str) -> "Container":
        if container_id not in self._all:
            raise NotFound(f"No container {container_id}.")
        return self._all[container_id]

    def list(self, **_: Any) -> "list[Container]":
        return list(self._all.values())


class Container:
    """A process in place of a container."""

    def __init__(self, docker: Processes, image: str, options: dict[str, Any]) -> None:
        folder = docker.image(image)
        self.labels: dict[str, str] = options["labels"]
        self.scratch = tempfile.mkdtemp(prefix="container-")
        environment = {
            **options["environment"],
            "PATH": f"{docker.python.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": self.scratch,
            "VIPS_CONCURRENCY": "1",
            "MALLOC_ARENA_MAX": "2",
        }
        self.process = subprocess.Popen(
            [*(options.get("entrypoint") or []), *(options.get("command") or [])],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.id = f"{self.process.pid:012d}{os.urandom(26).hex()}"
        self.was_out_of_memory = False
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        limit_mb = int(options["mem_limit"].removesuffix("m"))
        threading.Thread(target=self._kill_above, args=[limit_mb], daemon=True).start()

    @property
    def attrs(self) -> dict[str, Any]:
        return {"State": {"OOMKilled": self.was_out_of_memory}}

    @property
    def status(self) -> str:
        return "running" if self.process.poll() is None else "exited"

    def reload(self) -> None:
        """Do nothing: a process's state is always current."""

    def logs(self, **_: Any) -> Iterator[bytes]:
        """Yield each line as it comes, until the process ends."""
        return iter(self._lines.get, None)

    def wait(self, **_: Any) -> dict[str, int]:
        code = self.process.wait()
        return {"StatusCode": code if code >= 0 else 128 - code}

    def stop(self, timeout: float = 10) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def remove(self, **_: Any) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _kill_above(self, limit_mb: int) -> None:
        """Kill the process once it exceeds its memory limit, as the kernel does with a container.

        The limit that a process can be given (RLIMIT_AS) counts address space, not memory in use.
        """
        while self.process.poll() is None:
            with suppress(OSError, ValueError):
                pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
                if pages * os.sysconf("SC_PAGE_SIZE") > limit_mb * 2**20:
                    self.was_out_of_memory = True
                    self.process.kill()
            time.sleep(0.1)  # polls: nothing notifies this process

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)
