"""`python3 dev.py service --folder PHOTOS`: the image service over a folder, to try it without AWS."""

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from container.service.request import PREFIX, path_of

HOST, PORT = "127.0.0.1", 8182
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"}
SHOWN = 5


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py service", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the images are")
    parser.add_argument("--port", type=int, default=PORT, help=f"on {HOST} (default: {PORT})")
    parser.add_argument("--from", dest="start", type=Path, default=Path(), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.folder = options.start / options.folder
    if not options.folder.is_dir():
        print(f"Error: {options.folder} is not a folder.", file=sys.stderr)
        return 2
    try:
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind((HOST, options.port))
    except (OSError, OverflowError):
        print(f"Error: port {options.port} cannot be used: choose another with --port.", file=sys.stderr)
        return 1
    base = f"http://{HOST}:{options.port}"
    for line in _welcome(options.folder, base):
        print(line, flush=True)
    return become(options.folder, options.port, base)


def become(folder: Path, port: int, base: str) -> NoReturn:
    """Replace this process with the service, since libvips reads environment variables only at its start."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "SOURCE_BUCKET"},
        "SOURCE_FOLDER": str(folder.resolve()),
        "PUBLIC_BASE_URL": base,
        "HOST": HOST,
        "PORT": str(port),
        "DRAIN_SECONDS": "0",
        "FRESH_SECONDS": "1",
        "VIPS_CONCURRENCY": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    os.execve(sys.executable, [sys.executable, "-m", "tools.commands.folder"], environment)  # noqa: S606


def images(folder: Path) -> list[str]:
    """Return paths, relative to the folder, of files with an image's suffix."""
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file())
    return [str(path.relative_to(folder)) for path in files]


def _welcome(folder: Path, base: str) -> list[str]:
    shown = [f"{base}{path_of(key)}" for key in images(folder)[:SHOWN]]
    if not shown:
        return [f"No image is in {folder} yet; whatever you put there is served at {base}{PREFIX}/NAME."]
    return [
        f"Gallery: {base}/",
        f"Images of {folder} by the IIIF Image API 3.0, for example 600 px wide, or described for a viewer:",
        *(f"  {address}{rest}" for address in shown for rest in ("/full/^600,/0/default.webp", "/info.json")),
        "Ctrl-C stops it. One line per request:",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
