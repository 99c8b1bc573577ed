"""Lambda's runtime API, and a client that calls a handler as Lambda's own does.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import importlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.lambda_context import Context

INVOCATION = "2018-06-01/runtime/invocation"


class Runtime:
    """One execution environment: a process at a time, restarted when it has ended.

    starts: number of processes started. command: starts a runtime; by default, `main` of this module.
    """

    def __init__(self, module: str, variables: Mapping[str, str], command: Sequence[str] = ()) -> None:
        self.starts = 0
        self._events: queue.Queue[tuple[str, bytes] | None] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._numbers = count()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _api(self._events, self._answers))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{self._server.server_port}"
        self._command = command or [sys.executable, "-m", "tests.support.lambda_runtime", module]
        self._scratch = TemporaryDirectory()
        told = {"AWS_LAMBDA_RUNTIME_API": address, "TMPDIR": self._scratch.name}
        self._told = {**os.environ, **told, **variables}
        self._process: subprocess.Popen[bytes] | None = None

    def invoke(self, event: Mapping[str, Any], *, timeout: float = 120) -> dict[str, Any]:
        """Return the handler's answer or error. Raises queue.Empty when none comes."""
        if self._process is None or self._process.poll() is not None:
            self.starts += 1
            self._process = subprocess.Popen(
                self._command, env=self._told, stdout=subprocess.DEVNULL, start_new_session=True
            )
        request_id = f"request-{next(self._numbers)}"
        self._events.put((request_id, json.dumps(event).encode()))
        answered, answer = self._answer(time.monotonic() + timeout)
        assert answered == request_id
        return dict(answer)

    def _answer(self, end: float) -> tuple[str, Any]:
        assert self._process
        while True:
            has_ended = self._process.poll() is not None or time.monotonic() > end
            try:
                return self._answers.get(timeout=0.01 if has_ended else 0.5)
            except queue.Empty:
                if has_ended:
                    raise

    @property
    def pid(self) -> int:
        """Return the pid of the current process."""
        assert self._process
        return self._process.pid

    def wait_for_its_end(self, *, timeout: float = 60) -> int:
        """Wait until the process ends by itself, and return its exit code."""
        assert self._process
        return self._process.wait(timeout)

    def close(self) -> None:
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # a shell has children of its own
            self._process.wait()
        self._server.shutdown()
        self._server.server_close()
        self._scratch.cleanup()


@contextmanager
def runtime(module: str, *, command: Sequence[str] = (), **variables: str) -> Iterator[Runtime]:
    made = Runtime(module, variables, command)
    try:
        yield made
    finally:
        made.close()


def _api(events: "queue.Queue[Any]", answers: "queue.Queue[Any]") -> type[BaseHTTPRequestHandler]:
    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            request_id, event = events.get()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
            self.send_header("Content-Length", str(len(event)))
            self.end_headers()
            self.wfile.write(event)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()
            answers.put((self.path.split("/")[-2], body))

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Api


def main(module: str) -> None:
    """Call `module.handler` for each event, as long as there is a runtime API.

    It uses as little Python as possible, since Lambda's own runtime has its client in C++.
    """
    handler = importlib.import_module(module).handler
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
    with socket.create_connection((host, int(port))) as connection, connection.makefile("rb") as answers:

        def ask(method: str, path: str, body: bytes = b"") -> tuple[dict[str, str], bytes]:
            asked = f"{method} /{INVOCATION}/{path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(asked.encode() + body)
            answers.readline()
            lines = iter(lambda: answers.readline().decode().strip(), "")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            return headers, answers.read(int(headers["content-length"]))

        while True:
            headers, event = ask("GET", "next")
            request_id = headers["lambda-runtime-aws-request-id"]
            try:
                answer = handler(json.loads(event), Context(aws_request_id=request_id))
            except Exception as error:  # noqa: BLE001 - as Lambda's own client does
                told = {"errorMessage": str(error), "errorType": type(error).__name__}
                ask("POST", f"{request_id}/error", json.dumps(told).encode())
            else:
                ask("POST", f"{request_id}/response", json.dumps(answer).encode())


if __name__ == "__main__":
    main(sys.argv[1])
