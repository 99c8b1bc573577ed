"""`python3 -m chooser serve`: the chooser as a page with sliders, on your own machine.

It listens on loopback only and refuses requests for other host names, so other sites cannot use it. It stores
nothing: the link contains the workload.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from chooser.candidates import total
from chooser.choose import Verdict
from chooser.colours import COLOURS
from chooser.costs.items import Item
from chooser.keys import KEYS, WorkloadError, load
from chooser.prices import regions, stale
from chooser.refusal import refused
from chooser.report import Answer, answer, as_data, as_markdown, paragraphs, rows
from chooser.workload import Workload
from chooser.written import as_query, as_toml, from_query, given_keys

HOST, PORT, HTTP = "127.0.0.1", 8183, 80
WEB = Path(__file__).parent / "web"
FILES = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js"}
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ONE_AT_A_TIME = Lock()
FACTOR, POINTS = 1000.0, 61
"""The curve's range as a factor of the load, down and up, and its number of points."""
EXAMPLE = Path(__file__).parents[1] / "examples" / "thumbnails.toml"


def main(arguments: Sequence[str]) -> int:
    """Serve until Ctrl-C. If it cannot start, print an error and return 1."""
    import argparse

    parser = argparse.ArgumentParser(prog="python3 -m chooser serve", description=__doc__)
    parser.add_argument("file", nargs="?", default=str(EXAMPLE), help="the workload to start with")
    parser.add_argument("--port", type=int, default=PORT)
    options = parser.parse_args(arguments)
    try:
        begin = load(options.file)
        server = Server(options.port, begin)
    except (OSError, OverflowError, WorkloadError) as error:
        return refused(error)
    with server:
        print(f"http://{HOST}:{server.server_port}/?{as_query(begin)}\nCtrl-C ends it.", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


class Handler(BaseHTTPRequestHandler):
    """Serves the page and its data; refuses requests for other host names."""

    server: "Server"
    server_version, sys_version = "chooser", ""
    timeout = 60

    def parse_request(self) -> bool:
        """Parse a request; refuse it if it is for another host name."""
        if not super().parse_request():
            return False
        port = self.server.server_port
        named = ("", f":{port}") if port == HTTP else (f":{port}",)
        if self.headers.get("Host") not in {f"{host}{end}" for host in (HOST, "localhost") for end in named}:
            self._send(421, "text/plain", f"This is {HOST}:{port}, and refuses requests for other hosts.\n")
            return False
        return True

    def do_GET(self) -> None:
        """Answer with the page, its data, or a download."""
        path, _, query = self.path.partition("?")
        elsewhere = self.headers.get("Sec-Fetch-Site") == "cross-site"
        if path in FILES:
            file = WEB / FILES[path]
            self._send(200, TYPES[file.suffix], file.read_text())
        elif path in ANSWERS and elsewhere:
            self._send(403, "text/plain", "Requests from other sites are refused.\n")
        elif path in ANSWERS:
            self._send(*_answered(path, query, self.server.begin), attached=path[1:])
        else:
            self._send(404, "text/plain", "There is no such page.\n")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error in the same form as any other answer."""
        self._send(code, "text/plain", f"{message or explain or 'The page sends no such request.'}\n")

    def _send(self, status: int, media_type: str, text: str, attached: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if attached.startswith("workload."):
            self.send_header("Content-Disposition", f'attachment; filename="{attached}"')
        for name, value in SAFE.items():
            self.send_header(name, value)
        with suppress(ConnectionError):  # the page aborts a request when its slider moves on
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: links contain what somebody may not want in a log."""


class Server(ThreadingHTTPServer):
    """An HTTP server on loopback. begin: the workload for links that contain none."""

    def __init__(self, port: int, begin: Workload) -> None:
        super().__init__((HOST, port), Handler)
        self.begin = begin


def _answered(path: str, query: str, begin: Workload) -> tuple[int, str, str]:
    """Return status, media type and text. Answers are made one at a time: each keeps a processor busy."""
    make, media_type = ANSWERS[path]
    try:
        with ONE_AT_A_TIME:
            return 200, media_type, make(from_query(query) if query else begin)
    except WorkloadError as error:
        return 400, "text/plain", f"{error}\n"
    except Exception as error:  # noqa: BLE001 - an error in the code; the page goes on
        return 500, "text/plain", f"A bug in the chooser: {error!r}. Please report it with this address.\n"


def fields(_: Workload) -> str:
    """Return every key and the Regions, for the page's form."""
    return json.dumps({"keys": {name: _key(name) for name in KEYS}, "regions": regions()}, allow_nan=False)


def as_page(asked: Workload) -> str:
    """Return everything that the page shows, as JSON."""
    found = answer(asked)
    return json.dumps(
        {
            **as_data(found),
            "query": as_query(asked),
            "rows": rows(found.verdicts),
            "bills": [[*map(_line, one.items)] for one in found.verdicts],
            "paragraphs": [*paragraphs(found)],
            "colours": COLOURS,
            "curves": [_curve(found, one) for one in found.verdicts if one.possible],
            "warning": stale(date.today(), asked.region),
        },
        allow_nan=False,
    )


def _curve(found: Answer, verdict: Verdict) -> dict[str, object]:
    """Return USD per month at requests per month that are evenly spaced on a logarithmic scale."""
    here = found.load if found.load.requests else found.load._replace(requests=1)
    steps = [FACTOR ** (2 * step / (POINTS - 1) - 1) for step in range(POINTS)]
    usd = [total(verdict.candidate, here.times(by), verdict.architecture) for by in steps]
    return {"candidate": verdict.candidate, "requests": [here.requests * by for by in steps], "usd": usd}


def _line(item: Item) -> dict[str, str]:
    """Return a line of the bill as the command prints it: the page does not round it again."""
    return {"what": item.what, "text": f"{item.usd:,.2f}"}


def _key(name: str) -> dict[str, object]:
    """Return a key's meaning, allowed values and default, for a field of the page."""
    key, unsaid = KEYS[name], Workload._field_defaults.get(name)
    values = key.values if isinstance(key.values, tuple) else key.values.__name__
    return {"what": key.what, "values": values, "unsaid": unsaid, "default": key.unsaid}


def as_record(asked: Workload) -> str:
    """Return a decision record."""
    return as_markdown(answer(asked), date.today())


ANSWERS: dict[str, tuple[Callable[[Workload], str], str]] = {
    "/fields": (fields, "application/json"),
    "/answer": (as_page, "application/json"),
    "/workload.toml": (lambda asked: as_toml(given_keys(asked)), "application/toml"),
    "/workload.md": (as_record, "text/markdown"),
}
