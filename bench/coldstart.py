"""CPU time of a cold start: our function as it is, with boto3's client, and with Powertools' Tracer too.

The image service as a function is measured too.
"""

import statistics
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.measure import ROOT, interleaved, ratio, run, save, sized
from stacks.bundling import Runtime, bundle

PHOTO = ROOT / "samples" / "rocket.jpg"
ROUNDS = sized(15, 1)
VARIANTS = {
    "the function as it is": "handler",
    "with boto3's client": "boto3",
    "with boto3's client and Tracer": "tracer",
    "the image service as a function": "iiif",
}
PACKAGES = {"handler": "renditions", "iiif": "iiif"}
TRACER = "with boto3's client and Tracer"


class Bucket(BaseHTTPRequestHandler):
    """A fake S3 with one photo: GET returns the photo for any key of the source bucket, else 404.

    All other requests succeed.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if "/source/" in self.path:
            self._answer(200, PHOTO.read_bytes())
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(200, b"")

    def do_HEAD(self) -> None:
        self._answer(200, b"")

    def do_POST(self) -> None:
        """Answer DeleteObjects, which removes rejections that might exist."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(200, b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def command(tree: Path, variant: str, server: ThreadingHTTPServer) -> list[str | Path]:
    """Return the command that runs one cold start of a variant, from a checkout."""
    url, size = f"http://127.0.0.1:{server.server_port}", str(PHOTO.stat().st_size)
    return [sys.executable, tree / "bench" / "peers" / "coldstart.py", variant, url, size]


def started() -> ThreadingHTTPServer:
    """Start a fake S3 on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def work(tree: Path, _: ExitStack) -> dict[str, Callable[[], float]]:
    """Return, by name, callables that measure a cold start of a checkout's Lambda function in CPU seconds."""
    asked = command(tree, "handler", started())
    run(asked, tree=tree)
    return {"a cold start": lambda: run(asked, tree=tree).cpu}


def main() -> None:
    """Measure every variant in turn and store the result."""
    server = started()
    commands = {name: command(ROOT, variant, server) for name, variant in VARIANTS.items()}
    for asked in commands.values():  # caches the bytecode of all imports
        run(asked)
    runs = interleaved(commands, ROUNDS)
    cpu = {name: [one.cpu for one in found] for name, found in runs.items()}
    figures = {name: round(ratio(seconds, cpu[TRACER]), 3) for name, seconds in cpu.items()}
    rows = [
        [name, f"{statistics.median(cpu[name]) * 1000:.0f} ms", f"{figures[name]:.2f}x", package(variant)]
        for name, variant in VARIANTS.items()
    ]
    head = ["", "CPU", "relative to Tracer", "package, zip"]
    save("coldstart", {"rounds": ROUNDS, "figures": figures, "table": [head, *rows]})


def package(variant: str) -> str:
    """Return the size of a variant's package, zipped as `cdk deploy` zips it; "" if it has none."""
    if variant not in PACKAGES:
        return ""
    folder = bundle(PACKAGES[variant], Runtime.aws("arm64")).path
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in folder.rglob("*"):
                archive.write(path, path.relative_to(folder))
        return f"{file.tell() / 1e6:.1f} MB"


if __name__ == "__main__":
    main()
