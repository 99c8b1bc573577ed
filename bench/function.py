"""The image service as a function and under uvicorn: CPU of a warm request."""

import base64
import http.client
import itertools
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from rich.progress import track

from bench.measure import ONE_THREAD, ratio, save, sized
from bench.photos import PHOTOS, jpeg
from bench.server import OURS, Server, cpu_of, launched
from bench.service import COMMANDS, SMALL
from lambda_src.iiif.limits import MAX_ANSWER_BYTES
from tests.support.function_url import event
from tests.support.lambda_runtime import Runtime, runtime

ROUNDS, REQUESTS = sized((9, 60), (1, 4))
FUNCTION, SERVICE = "the function", "the service under uvicorn"
HANDLER = "lambda_src.iiif.handler"


@contextmanager
def function() -> Iterator[Runtime]:
    """Yield an execution environment over the folder of photos, set up as `launched` sets up the service."""
    told = {"SOURCE_FOLDER": str(PHOTOS), "WORKERS": "1", "CACHE_MB": "1024", "MAX_PIXELS": "200000000"}
    with runtime(HANDLER, **ONE_THREAD, **told, MAX_ANSWER_BYTES=str(MAX_ANSWER_BYTES)) as made:
        yield made


def ask(environment: Runtime, service: Server, paths: Sequence[str]) -> tuple[float, float]:
    """Request each path from both in turn; return CPU seconds per request of the function and the service."""
    before = cpu_of(environment.pid), service.cpu()
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)) as connection:
        for path in paths:
            answer: dict[str, Any] = environment.invoke(event(path))
            connection.request("GET", path)
            served = connection.getresponse()
            body = served.read()
            if not answer["statusCode"] == served.status == 200:
                raise RuntimeError(f"{path}: {answer['statusCode']} and {served.status} {body[:200]!r}")
            if base64.b64decode(answer["body"]) != body:
                raise RuntimeError(f"{path}: they made different images.")
    used = cpu_of(environment.pid) - before[0], service.cpu() - before[1]
    return used[0] / len(paths), used[1] / len(paths)


def works(photo: str) -> dict[str, Callable[[int], list[str]]]:
    """Return, by kind of request, a function that returns a round's paths; no path is repeated."""

    def whole(number: int) -> list[str]:
        widths = range(400 + number * REQUESTS, 400 + (number + 1) * REQUESTS)
        return [f"/iiif/3/{photo}/full/{width},/0/default.webp" for width in widths]

    def zooming(number: int) -> list[str]:
        corners = range(number * REQUESTS, (number + 1) * REQUESTS)
        return [
            f"/iiif/3/{photo}/{at},{at},{512 << at % 3},{512 << at % 3}/512,/0/default.jpg" for at in corners
        ]

    return {"whole images as WebP": whole, "tiles of a viewer": zooming}


def main() -> None:
    """Run all rounds and store the result."""
    photo = jpeg(*SMALL)
    command, address = COMMANDS[OURS]
    rows, figures = [], {}
    with function() as environment, launched(command, address) as service:
        environment.invoke(event("/live"))
        for name, paths in works(photo.name).items():
            numbers = itertools.count()
            ask(environment, service, paths(next(numbers)))  # warm-up: the decoded source is cached
            description = f"{name}, rounds"
            rounds = [
                ask(environment, service, paths(next(numbers)))
                for _ in track(range(ROUNDS), description=description)
            ]
            ours, theirs = zip(*rounds, strict=True)
            figures[name] = round(ratio(ours, theirs), 3)
            medians = (f"{statistics.median(one) * 1000:.1f} ms" for one in (ours, theirs))
            rows.append([name, *medians, f"{figures[name]:.2f}x"])
    head = ["CPU of a request", FUNCTION, SERVICE, "function / service"]
    save("function", {"rounds": ROUNDS, "figures": figures, "table": [head, *rows]})


if __name__ == "__main__":
    main()
