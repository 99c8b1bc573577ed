"""The CPU that an ASGI server spends on an `info.json` and the redirect to it: uvicorn and granian."""

import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from rich.progress import track

from bench.measure import ratio, save, sized
from bench.photos import jpeg
from bench.server import Server, launched

ROUNDS, REQUESTS = sized(7, 1), sized(1000, 400)
APP = "bench.peers.asgi:app"
UVICORN: list[str | Path] = [sys.executable, "-m", "uvicorn", APP, "--port", "PORT", "--no-access-log"]
COMMANDS: dict[str, list[str | Path]] = {
    "uvicorn, httptools and uvloop": [*UVICORN, "--http", "httptools", "--loop", "uvloop"],
    "uvicorn, h11 and asyncio": [*UVICORN, "--http", "h11", "--loop", "asyncio"],
    "granian": [Path(sys.executable).with_name("granian"), "--interface", "asgi", "--port", "PORT", APP],
}


def main() -> None:
    """Request `info.json` with its redirect, both nearly free for the application; store the servers' CPU."""
    jpeg(3000, 2000)
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with ExitStack() as stack:
        servers: dict[str, Server] = {
            name: stack.enter_context(launched(command, lambda photo, *_: photo))
            for name, command in COMMANDS.items()
        }
        for one in servers.values():
            one.ask(["/iiif/3/3000x2000.jpg/info.json"] * REQUESTS)
        for _ in track(range(ROUNDS), description="rounds"):
            for name, one in servers.items():
                found[name].append(one.ask(["/iiif/3/3000x2000.jpg/info.json"] * REQUESTS)[0])
    first = next(iter(found))
    figures = {name: round(ratio(found[first], seconds), 3) for name, seconds in found.items()}
    rows = [
        [name, f"{statistics.median(found[name]) * 1e6:.0f} µs", f"{figures[name]:.2f}x"] for name in COMMANDS
    ]
    save("servers", {"rounds": ROUNDS, "figures": figures, "table": [["", "CPU", "the first / this"], *rows]})


if __name__ == "__main__":
    main()
