"""The parent's reaction to each way in which the FFmpeg process may end."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.deadline import DeadlineExceededError
from runtime.rejection import Reason, Rejected
from runtime.work.videos import confined
from runtime.work.videos.confined import carry_out
from runtime.work.videos.containers import Kind
from runtime.work.videos.facts import VideoLimits
from runtime.work.videos.orders import Order
from tests.support import children
from tests.support.clips import Clip, make_clip

LIMITS = VideoLimits(seconds=100, bytes=10**9)


def order(file: str, size: int = 1) -> Order:
    return Order(kind=Kind.MP4, size=size, limits=LIMITS, file=file)


@pytest.fixture
def as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "_MODULE", children.__name__)


@pytest.mark.usefixtures("as_told")
def test_a_file_that_crashes_the_decoder_is_refused() -> None:
    with pytest.raises(Rejected, match="makes the decoder fail") as refused:
        carry_out(order("crash"), deadline=math.inf)
    assert refused.value.reason is Reason.DAMAGED


@pytest.mark.usefixtures("as_told")
@pytest.mark.parametrize("how", ["killed", "hungry"])
def test_a_lack_of_memory_is_not_blamed_on_the_file(how: str) -> None:
    with pytest.raises(MemoryError):
        carry_out(order(how), deadline=math.inf)


@pytest.mark.usefixtures("as_told")
def test_a_bug_in_the_child_is_a_runtime_error() -> None:
    with pytest.raises(RuntimeError, match="ended with 1"):
        carry_out(order("bug"), deadline=math.inf)


@pytest.mark.usefixtures("as_told")
def test_a_child_that_hangs_is_gone_once_the_deadline_has_passed() -> None:
    with pytest.raises(DeadlineExceededError):
        carry_out(order("hang"), deadline=time.monotonic() + 1)
    assert not still_there()


@pytest.mark.usefixtures("as_told")
def test_an_exception_from_the_progress_callback_ends_the_child() -> None:
    def stop(_share: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        carry_out(order("hang"), deadline=math.inf, progress=stop)
    assert not still_there()


@pytest.mark.usefixtures("as_told")
def test_the_child_has_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1")
    names = carry_out(order("environment"), deadline=math.inf)
    assert "PATH" in names
    assert not [name for name in names if "AWS" in name]


def still_there() -> list[str]:
    """Return the lines of `ps` about this process's FFmpeg stand-ins; works on Linux and macOS."""
    listed = subprocess.run(["ps", "-o", "ppid=,args=", "-A"], capture_output=True, text=True).stdout
    return [
        line for line in listed.splitlines() if line.split()[0] == str(os.getpid()) and "children" in line
    ]


def test_the_child_is_bounded_before_it_opens_the_file(tmp_path: Path) -> None:
    code = (
        "import resource, runtime.work.videos.child as child, io, sys\n"
        "sys.stdin = io.TextIOWrapper(io.BytesIO(b'{}'))\n"
        "child.Order.from_json = lambda told: None\n"
        "child._carry_out = lambda order: [resource.getrlimit(one)[0] for one in"
        " (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE)]\n"
        "child.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == '{"done": [2147483648, 60, 0, 5368709120]}\n', done.stderr


def test_a_child_whose_order_names_no_file_reads_through_its_parent(tmp_path: Path) -> None:
    """The child asks the parent for ranges; no range begins beyond the end of the data."""
    data = (
        make_clip(tmp_path / "a.mp4", Clip(frames=100, sound="")).read_bytes()
        + b"\0\1\0\0free"
        + bytes(65528)
    )
    asked: list[tuple[int, int]] = []

    def read(at: int, length: int) -> bytes:
        asked.append((at, length))
        return data[at : at + length]

    facts = carry_out(order("", len(data)), read=read, deadline=math.inf)
    assert (facts["width"], facts["height"], facts["seconds"]) == (320, 240, 4)
    assert all(0 <= at <= len(data) for at, _ in asked)
