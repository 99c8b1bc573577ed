"""A headless Chromium controlled over a pipe: https://chromedevtools.github.io/devtools-protocol/"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pyvips

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
)
SETTLED = """new Promise((done) => {
    const state = () => document.documentElement?.dataset.state || document.title;
    const end = Date.now() + 120_000;
    const late = () => Date.now() > end ? "failed: not drawn within two minutes" : "";
    const said = () => late() || state();
    const look = () => /^(drawn|failed)/.test(said()) ? done(said()) : setTimeout(look, 50);
    look();
})"""


class Tab:
    """A page in a window."""

    def __init__(self, commands: Any, answers: Any) -> None:
        self.commands, self.answers, self.numbers, self.session = commands, answers, count(1), ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def open(self, page: Path | str) -> None:
        """Open a file or a loopback address, and wait until the page is drawn."""
        self.call("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        self.settle()

    def settle(self) -> None:
        """Wait until the page's state, or its title, says that it is drawn."""
        state = self.run(SETTLED)
        assert state == "drawn", state

    def run(self, expression: str) -> Any:
        """Run JavaScript, and return the value of its promise."""
        options = {"awaitPromise": True, "returnByValue": True, "timeout": 60_000}
        done = self.call("Runtime.evaluate", expression=expression, **options)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def picture(self) -> pyvips.Image:
        """Return a screenshot, RGB."""
        shot = self.call("Page.captureScreenshot", format="png")["data"]
        return pyvips.Image.new_from_buffer(base64.b64decode(shot), "")[:3].copy_memory()

    def call(self, method: str, **parameters: Any) -> Any:
        number = next(self.numbers)
        session = {"sessionId": self.session} if self.session else {}
        command = {"id": number, "method": method, "params": parameters, **session}
        self.commands.write(json.dumps(command).encode() + b"\0")
        while True:
            answer = json.loads(self._next())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self) -> bytes:
        found = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            assert byte, "Chromium has ended."
            found += byte
        return bytes(found)


@contextmanager
def tab(*, width: int = 600, height: int = 600) -> Iterator[Tab]:
    """Yield a window of that size in pixels."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("There is no Chromium here (apt install chromium).")
    theirs, ours = os.pipe(), os.pipe()  # Chromium reads from descriptor 3 and writes to 4
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        dup = f"import os, sys; os.dup2({theirs[0]}, 3); os.dup2({ours[1]}, 4);"
        become = f"{dup} os.execv(sys.argv[1], sys.argv[1:])"
        window = (f"--window-size={width},{height}", f"--user-data-dir={profile}")
        process = subprocess.Popen(
            [sys.executable, "-c", become, chromium, *OPTIONS, *window],
            pass_fds=[theirs[0], ours[1]],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs[0])
        os.close(ours[1])
        try:
            with os.fdopen(theirs[1], "wb", 0) as commands, os.fdopen(ours[0], "rb") as answers:
                yield Tab(commands, answers)
        finally:
            process.kill()
            process.wait()


def picture_of(page: Path | str, *, side: int = 600) -> pyvips.Image:
    """Return an RGB screenshot of a page, taken once it is drawn. side: the window's width and height."""
    with tab(width=side, height=side) as window:
        window.open(page)
        return window.picture()
