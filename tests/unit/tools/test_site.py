"""The docs as a site: every page is in it, its links lead somewhere, and its diagrams are drawn."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.browser import tab

ROOT = Path(__file__).parents[3]
SITE = ROOT / "build" / "site"
PAGES = sorted(file.relative_to(ROOT / "docs") for file in ROOT.glob("docs/**/*.md"))


class Quiet(SimpleHTTPRequestHandler):
    """A handler that logs no requests."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Yield the address of the site, freshly built."""
    done = subprocess.run([sys.executable, "dev.py", "docs"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE))) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.slow
def test_every_page_is_in_it_and_every_diagram_is_drawn(site: str) -> None:
    assert not [page for page in PAGES if not (SITE / page.with_suffix(".html")).is_file()]
    drawn = [page for page in PAGES if "```mermaid" in (ROOT / "docs" / page).read_text()]
    assert len(drawn) > 3
    with tab(width=1000, height=800) as window:
        for page in drawn:
            window.call("Page.navigate", url=f"{site}/{page.with_suffix('.html')}")
            wanted = (ROOT / "docs" / page).read_text().count("```mermaid")
            ready = f"document.querySelectorAll('.mermaid svg').length === {wanted}"
            state = f"if ({ready}) document.documentElement.dataset.state = 'drawn'"
            window.run(f"setInterval(() => {{ {state} }}, 100)")
            window.settle()  # times out if a diagram is missing
            assert "Syntax error" not in window.run("document.body.textContent")
