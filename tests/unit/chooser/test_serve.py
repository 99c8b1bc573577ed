"""The page with sliders: it gives the same numbers as the command, and is served only to this machine."""

import http.client
import json
import random
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chooser.__main__ import main
from chooser.keys import load, parse
from chooser.report import answer, as_json
from chooser.serve import HOST, Server
from chooser.workload import Workload
from chooser.written import as_query, as_toml, from_query, given_keys
from tests.support.browser import Tab, tab
from tests.support.workloads import workloads

ROOT = Path(__file__).parents[3]
THUMBNAILS = load(str(ROOT / "examples" / "thumbnails.toml"))
SEEDED = [*workloads(random.Random(27), 50)]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Server(0, THUMBNAILS) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def window(port: int) -> Iterator[Tab]:
    with tab(width=1200, height=1000) as made:
        made.open(f"http://{HOST}:{port}/")
        yield made


def get(port: int, path: str, host: str | None = None) -> tuple[int, str, http.client.HTTPMessage]:
    with closing(http.client.HTTPConnection(HOST, port, timeout=60)) as connection:
        connection.request("GET", path, headers={"Host": f"{HOST}:{port}" if host is None else host})
        answered = connection.getresponse()
        return answered.status, answered.read().decode(), answered.headers


def shown(window: Tab) -> list[tuple[str, str]]:
    """Return the candidates on the page with their costs."""
    heads = "[...document.querySelectorAll('.bar .head')]"
    bars = f"{heads}.map((one) => [...one.children].map((part) => part.textContent))"
    return [(name, usd) for name, usd in window.run(bars)]


@pytest.mark.parametrize("made", SEEDED, ids=lambda one: one.name)
def test_page_and_command_give_the_same_numbers(
    port: int, window: Tab, made: Workload, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(as_toml(given_keys(made)))
    assert main([str(file), "--json"]) == 0
    by_command = json.loads(capsys.readouterr().out)
    status, text, _ = get(port, f"/answer?{as_query(made)}")
    by_page = json.loads(text)
    assert status == 200
    assert {key: by_page[key] for key in by_command} == by_command
    window.run(f"asked = new URLSearchParams({json.dumps(as_query(made))}); ask()")
    window.settle()
    possible = [one for one in answer(made).verdicts if one.possible]
    assert shown(window) == [(f"{one.candidate}, {one.architecture}", one.dollars) for one in possible]
    assert window.run("document.getElementById('answer').textContent") == by_command["answer"]


def test_the_link_and_the_downloads_hold_the_workload(port: int, window: Tab) -> None:
    window.open(f"http://{HOST}:{port}/?{as_query(THUMBNAILS)}")
    links = {
        name: str(window.run(f"document.getElementById('{name}').getAttribute('href')"))
        for name in ("link", "toml", "markdown")
    }
    assert from_query(links["link"].partition("?")[2]) == THUMBNAILS
    status, text, headers = get(port, links["toml"])
    assert (status, parse(tomllib.loads(text))) == (200, THUMBNAILS)
    assert headers["Content-Disposition"] == 'attachment; filename="workload.toml"'
    _, record, _ = get(port, links["markdown"])
    assert answer(THUMBNAILS).text in record


def test_a_slider_and_the_keyboard_change_the_answer_and_the_address(port: int, window: Tab) -> None:
    window.open(f"http://{HOST}:{port}/?{as_query(THUMBNAILS)}")
    before = shown(window)
    window.run("document.querySelector('[aria-label=\"requests, as a slider\"]').focus()")
    for kind in ("rawKeyDown", "keyUp"):
        window.call("Input.dispatchKeyEvent", type=kind, key="End", code="End", windowsVirtualKeyCode=35)
    window.settle()
    asked = from_query(str(window.run("location.search")).removeprefix("?"))
    assert asked == parse({**given_keys(THUMBNAILS), "requests": 1e10})
    assert shown(window) != before
    assert window.run("document.querySelectorAll('svg polyline').length") == len(shown(window))


def test_an_error_is_shown_beside_the_last_answer(port: int, window: Tab) -> None:
    window.open(f"http://{HOST}:{port}/?{as_query(THUMBNAILS)}")
    window.run(
        "const box = document.getElementById('field-memory_mb');"
        "box.value = 'much'; box.dispatchEvent(new Event('change'))"
    )
    with pytest.raises(AssertionError, match="failed"):
        window.settle()
    told = window.run("document.getElementById('error').textContent")
    assert told.strip() == "memory_mb = 'much': must be a number from 128 to 1,000,000."
    assert shown(window)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_narrow_screens_and_follows_light_and_dark(
    port: int, window: Tab, scheme: str, width: int
) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    window.call("Emulation.setEmulatedMedia", features=features)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    window.call("Emulation.setDeviceMetricsOverride", **size)
    window.open(f"http://{HOST}:{port}/?{as_query(THUMBNAILS)}")
    assert window.run("document.documentElement.scrollWidth") <= width
    light = window.picture().avg() > 128
    assert light is (scheme == "light")
    window.call("Emulation.clearDeviceMetricsOverride")


def test_fields_have_labels_and_the_page_loads_nothing_from_elsewhere(port: int, window: Tab) -> None:
    window.open(f"http://{HOST}:{port}/?{as_query(THUMBNAILS)}")
    inputs = "[...document.querySelectorAll('input, select')]"
    unnamed = f"{inputs}.filter((one) => !one.labels.length && !one.ariaLabel)"
    assert window.run(f"{unnamed}.length") == 0
    resources = window.run("performance.getEntriesByType('resource').map((one) => one.name)")
    assert {one.split("/")[2] for one in resources} == {f"{HOST}:{port}"}
    _, _, headers = get(port, "/")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8183", "127.0.0.1", "[::1]:8183", ""])
def test_other_hosts_are_refused(port: int, host: str) -> None:
    for path in ("/", "/answer", "/workload.toml", "/page.js"):
        status, text, _ = get(port, path, host)
        assert status == 421
        assert "refuses requests for other hosts" in text


def test_a_name_that_contains_markup_is_shown_as_text(port: int, window: Tab) -> None:
    named = parse({**given_keys(THUMBNAILS), "name": "<img src=x onerror=alert(1)>"})
    window.open(f"http://{HOST}:{port}/?{as_query(named)}")
    assert window.run("document.images.length") == 0


def test_another_sites_page_gets_no_answer(port: int) -> None:
    with closing(http.client.HTTPConnection(HOST, port, timeout=60)) as connection:
        headers = {"Host": f"{HOST}:{port}", "Sec-Fetch-Site": "cross-site"}
        connection.request("GET", "/answer", headers=headers)
        assert connection.getresponse().status == 403


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS"])
def test_other_methods_are_refused_with_the_same_headers_as_everything_else(port: int, method: str) -> None:
    for host, status in (("evil.example", 421), (f"{HOST}:{port}", 501)):
        with closing(http.client.HTTPConnection(HOST, port, timeout=60)) as connection:
            connection.request(method, "/", headers={"Host": host})
            answered = connection.getresponse()
            assert (answered.status, answered.headers["X-Content-Type-Options"]) == (status, "nosniff")


def test_a_link_of_a_million_environments_is_answered(port: int) -> None:
    status, _, _ = get(port, f"/answer?{as_query(THUMBNAILS)}&provisioned=1000000&front_door=http-api")
    assert status == 200


def test_a_bug_is_a_500_that_says_so(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chooser.serve.answer", lambda _: 1 / 0)
    status, text, _ = get(port, "/answer")
    assert (status, text.partition(":")[0]) == (500, "A bug in the chooser")


def test_the_form_still_works_after_a_wrong_link(port: int, window: Tab) -> None:
    window.open(f"http://{HOST}:{port}/?{as_query(THUMBNAILS)}")
    window.call("Page.navigate", url=f"http://{HOST}:{port}/?name=a")
    with pytest.raises(AssertionError, match="failed"):
        window.settle()
    assert window.run("document.querySelectorAll('.field').length") > 40
    for key, text in (("requests", 1000), ("memory_mb", 512), ("duration_ms.arm64", 20)):
        box = f"document.getElementById('field-{key}')"
        window.run(f"{box}.value = '{text}'; {box}.dispatchEvent(new Event('change'))")
    window.settle()
    assert shown(window)


def test_an_opened_bill_stays_open_and_the_back_button_restores_the_last_workload(
    port: int, window: Tab
) -> None:
    window.open(f"http://{HOST}:{port}/?{as_query(THUMBNAILS)}")
    window.run(
        "document.querySelector('.bar summary').focus(); document.activeElement.parentElement.open = true"
    )
    window.run("change('requests', '123456')")
    window.settle()
    assert window.run("document.querySelectorAll('.bar details[open]').length") == 1
    assert window.run("document.activeElement.tagName") == "SUMMARY"
    window.run("document.documentElement.dataset.state = 'asking'; history.back()")
    window.settle()
    assert from_query(str(window.run("location.search")).removeprefix("?")) == THUMBNAILS


@pytest.mark.parametrize("path", ["/../chooser/serve.py", "/nothing", "/page.html"])
def test_other_paths_are_a_404(port: int, path: str) -> None:
    assert get(port, path)[0] == 404


def test_the_command_serves_on_loopback_only_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "chooser", "serve", "examples/api.toml", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        port = int(address.split("/")[2].rpartition(":")[2])
        try:
            assert get(port, "/answer")[0] == 200
            with closing(socket.socket()) as other:
                assert other.connect_ex(("127.0.0.2", port)), "another address of this machine"
        finally:
            process.terminate()
    assert from_query(address.partition("?")[2]) == load(str(ROOT / "examples" / "api.toml"))


def test_a_missing_file_and_a_port_that_is_not_free_are_errors(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "nothing.toml"]) == 1
    assert main(["serve", "--port", str(port)]) == 1
    assert main(["serve", "--port", "99999999"]) == 1
    assert capsys.readouterr().err.count("Error: ") == 3


def test_infinity_in_a_name_is_kept() -> None:
    named = THUMBNAILS._replace(name="Infinity War")
    assert json.loads(as_json(answer(named)))["workload"] == "Infinity War"
