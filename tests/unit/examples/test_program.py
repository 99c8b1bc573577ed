"""A program as work: its input, its exit, and its end at the deadline."""

import math
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from examples.any_language.worker import LINES
from runtime.deadline import DeadlineExceededError
from runtime.exits import AGAIN, FAILED, exit_code
from runtime.rejection import Reason, Rejected
from runtime.work.program import INHERITED, Program


@dataclass
class Given:
    """A stand-in for a source and for results."""

    data: bytes
    stored: dict[str, tuple[bytes, str]]

    def download(self, file: Path, _most: int) -> None:
        file.write_bytes(self.data)

    def put_file(self, path: str, file: Path, media_type: str) -> None:
        self.stored[path] = (file.read_bytes(), media_type)


@dataclass
class Run:
    folder: Path

    def __call__(
        self, script: str, data: bytes = b"", *, seconds: float = 60, program: Program | None = None
    ) -> tuple[dict[str, Any], Given]:
        given: Any = Given(data, {})
        work = program or replace(LINES, command=["sh", "-c", script])
        deadline = time.monotonic() + seconds
        said = work.run(given, given, folder=self.folder, deadline=deadline, progress=lambda _share: None)
        return dict(said), given


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_every_file_is_a_result_but_manifest_json_which_is_returned(run: Run) -> None:
    said, given = run(
        """cp "$SOURCE" "$RESULTS/copy.txt"; mkdir "$RESULTS/more"; echo '{}' >"$RESULTS/more/a.json"
        ln -s /etc/hostname "$RESULTS/link"; echo '{"copies": 1}' >"$RESULTS/manifest.json" """,
        b"text",
    )
    assert said == {"copies": 1}
    assert given.stored == {
        "copy.txt": (b"text", "text/plain"),
        "more/a.json": (b"{}\n", "application/json"),
    }


def test_it_is_told_where_to_read_and_write_and_no_credentials(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/secret")
    _, given = run('env >"$RESULTS/told.txt"')
    told = {line.partition("=")[0] for line in given.stored["told.txt"][0].decode().splitlines()}
    of_the_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert told - of_the_shell - {*INHERITED} == {"SOURCE", "RESULTS", "TMPDIR", "SECONDS_LEFT"}


def test_a_rejection_has_the_programs_reason_and_message(run: Run) -> None:
    with pytest.raises(Rejected) as found:
        run("echo rejected damaged It ends before its end.; exit 3")
    assert (found.value.reason, found.value.message) == (Reason.DAMAGED, "It ends before its end.")


def test_a_last_line_needs_no_newline(run: Run) -> None:
    with pytest.raises(Rejected):
        run("printf 'rejected damaged It ends.'; exit 3")


def test_an_unknown_reason_is_a_failure_and_is_logged(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run("echo rejected ugly No.; exit 3")
    assert capsys.readouterr().out == "The contract has no reason 'ugly': No.\n"


@pytest.mark.parametrize("manifest", ["{", "[1]", "1"])
def test_a_manifest_that_is_not_a_json_object_is_a_failure_and_nothing_is_stored(
    tmp_path: Path, manifest: str
) -> None:
    given: Any = Given(b"", {})
    script = f'cp "$SOURCE" "$RESULTS/copy.txt"; echo "{manifest}" >"$RESULTS/manifest.json"'
    work = replace(LINES, command=["sh", "-c", script])
    with pytest.raises(subprocess.SubprocessError) as found:
        work.run(given, given, folder=tmp_path, deadline=math.inf, progress=lambda _share: None)
    code, why = exit_code(found.value)
    assert code == FAILED
    assert "The program's manifest.json is not a JSON object" in why
    assert given.stored == {}


@pytest.mark.parametrize(("code", "means"), [(1, FAILED), (3, FAILED), (4, AGAIN), (77, FAILED)])
def test_other_exit_codes_of_the_program_mean_what_the_workers_mean(run: Run, code: int, means: int) -> None:
    """Exit code 3 without a reason is not a rejection."""
    with pytest.raises(subprocess.CalledProcessError) as found:
        run(f"exit {code}")
    assert exit_code(found.value)[0] == means


@pytest.mark.parametrize("script", ["kill -9 $$", "sh -c 'kill -9 $$'; exit $?"])
def test_a_program_that_is_killed_is_tried_again(run: Run, script: str) -> None:
    with pytest.raises(MemoryError) as found:
        run(script)
    assert exit_code(found.value)[0] == AGAIN


def test_after_the_deadline_no_process_of_the_program_is_left(run: Run) -> None:
    with pytest.raises(DeadlineExceededError):
        run('sleep 600 & echo $! >"$SOURCE.pid"; wait', seconds=5)
    end = time.monotonic() + 60
    while is_running(int((run.folder / "source.pid").read_text())):
        assert time.monotonic() < end
        time.sleep(0.01)  # until the system has ended it


ESCAPES = 'setsid sleep 3600 & echo $! >"$SOURCE.pid"; '


@pytest.fixture
def escaped(run: Run) -> Iterator[None]:
    """Kill the process that a program left behind in another session, where nothing else looks for it."""
    yield
    file = run.folder / "source.pid"
    if file.exists() and is_running(pid := int(file.read_text())):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.usefixtures("escaped")
@pytest.mark.parametrize(
    "script", ["sleep 3600 & exit 0", f"{ESCAPES} exit 0", "exit 0"], ids=["child", "escaped", "alone"]
)
def test_the_program_has_ended_when_its_own_process_has(run: Run, script: str) -> None:
    """The run does not wait for other processes that keep the program's output open."""
    run(script, seconds=600)


@pytest.mark.usefixtures("escaped")
@pytest.mark.parametrize("script", ["exec >&-; sleep 3600", f"{ESCAPES} wait"], ids=["closed", "escaped"])
def test_the_deadline_holds_whatever_happens_to_the_programs_output(run: Run, script: str) -> None:
    with pytest.raises(DeadlineExceededError):
        run(script, seconds=5)


def is_running(pid: int) -> bool:
    """Return whether a process still runs; a zombie counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_programs_other_output_goes_to_the_log(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("echo a line of its own; echo progress 0.5; echo progress is good; printf 'progress nan'")
    assert capsys.readouterr().out == "a line of its own\nprogress is good\nprogress nan\n"


@pytest.mark.parametrize(
    ("text", "numbered", "count"),
    [
        (b"", b"", b"0"),
        (b"one", b"1 one", b"1"),
        (b"one\n", b"1 one\n", b"1"),
        (b"\n\nx \\ %s\t\xff\n", b"1 \n2 \n3 x \\ %s\t\xff\n", b"3"),
    ],
)
def test_the_example_changes_no_byte_of_a_line(run: Run, text: bytes, numbered: bytes, count: bytes) -> None:
    _, given = run("", text, program=LINES)
    assert given.stored["numbered.txt"][0] == numbered
    assert given.stored["count.json"][0] == count
