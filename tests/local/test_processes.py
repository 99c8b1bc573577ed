"""The local AWS leaves nothing running, however it ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.conftest import eventually
from tools.local_aws.aws import LocalAwsError, local_aws

ROOT = Path(__file__).parents[2]
RUNS = """
import signal, sys
from pathlib import Path
from tools.local_aws.aws import local_aws
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with SIGINT ignored
with local_aws(Path(sys.argv[1])) as aws:
    print(aws.pid, aws.url.rpartition(":")[2], flush=True)
    sys.stdin.read()
"""


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_local_aws_ends_with_the_process_that_started_it(tmp_path: Path, end: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUNS, str(tmp_path / "log")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdout
        pid, port = map(int, owner.stdout.readline().split())
        assert is_listening(port)
        assert is_running(pid)
        owner.send_signal(end)
        owner.wait(120)
    eventually(lambda: not is_listening(port))
    eventually(lambda: not is_running(pid))


def test_the_callers_own_aws_is_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some SDKs would prefer the caller's profile, token or endpoint to the local one."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_S3",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    ):
        os.environ[name] = "theirs"
    os.environ["http_proxy"] = "http://127.0.0.1:9"
    with local_aws(tmp_path / "log") as aws:
        assert aws.client("s3").list_buckets()["Buckets"] == []
        assert "theirs" not in os.environ.values()


def test_a_local_aws_that_does_not_start_is_an_error_that_names_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.local_aws.aws.PYTHON", Path("/bin/false"))
    with pytest.raises(LocalAwsError, match=r"did not start .*; see .*log"), local_aws(tmp_path / "log"):
        pass
