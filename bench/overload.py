"""Successful responses per second of the image service, overloaded and at capacity."""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from rich.progress import track

from bench.measure import ratio, save, sized
from tests.service.conftest import Running, running
from tests.support.images import encode, noise
from tests.support.load import hammer

ROUNDS, REQUESTS = sized(5, 1), sized(400, 60)
FEW, MANY = 4, 64
"""Numbers of connections. QUEUE is below the service's default, so that MANY overload it."""
QUEUE = 16
PATHS = [f"/iiif/3/photo.jpg/full/{width},/0/default.jpg" for width in range(200, 1000)]


def per_second(service: Running, clients: int) -> tuple[float, float]:
    """Return successes and refusals per second. Raises RuntimeError if a request ends otherwise."""
    started = time.perf_counter()
    answers = asyncio.run(hammer(service.port, PATHS, clients=clients, requests=REQUESTS))
    seconds = time.perf_counter() - started
    good, refused = (sum(one.status == status for one in answers) for status in (200, 503))
    if good + refused < REQUESTS:
        raise RuntimeError(f"{REQUESTS - good - refused} requests were neither answered nor refused.")
    return good / seconds, refused / seconds


def main() -> None:
    """Measure few and many connections in turn, and store the result."""
    found: dict[int, list[tuple[float, float]]] = {FEW: [], MANY: []}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "photo.jpg").write_bytes(encode(noise(3000, 2000), ".jpg"))
        log = Path(folder) / "log"
        with running(Path(folder), log, QUEUE=str(QUEUE), WORKERS=str(os.cpu_count())) as service:
            per_second(service, FEW)  # warm-up: the decoded source is cached
            for _ in track(range(ROUNDS), description="rounds"):
                for clients, rates in found.items():
                    rates.append(per_second(service, clients))
    good = {clients: [rate for rate, _ in rates] for clients, rates in found.items()}
    rows = [
        [
            f"{clients} connections",
            f"{statistics.median(good[clients]):.1f}",
            f"{statistics.median(refused for _, refused in rates):.1f}",
        ]
        for clients, rates in found.items()
    ]
    figures = {"of few": round(ratio(good[MANY], good[FEW]), 3)}
    table = [["clients", "successful answers per second", "refusals per second"], *rows]
    save("overload", {"rounds": ROUNDS, "figures": figures, "table": table})


if __name__ == "__main__":
    main()
