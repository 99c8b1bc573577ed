"""The worker's exit code by what went wrong: 4 is retried, 1 ends the job."""

import errno
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError, EndpointConnectionError

from container.worker import run
from runtime.contention import ContentionError
from runtime.deadline import DeadlineExceededError
from runtime.exits import AGAIN, FAILED, StoppedError

ROOT = Path(__file__).parents[3]


def refused(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoppedError(), AGAIN),
        (ContentionError("the pointer changed ten times"), AGAIN),
        (MemoryError(), AGAIN),
        (OSError(errno.ENOSPC, "no space left"), AGAIN),
        (EndpointConnectionError(endpoint_url="https://s3"), AGAIN),
        (S3UploadFailedError("broken"), AGAIN),
        (refused("SlowDown", 503), AGAIN),
        (refused("ConditionalRequestConflict", 409), AGAIN),
        (refused("AccessDenied", 403), FAILED),
        (DeadlineExceededError("6 hours"), FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_transient_errors_exit_with_4_and_others_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    def attempt(_: Sequence[Any]) -> Any:
        raise error

    monkeypatch.setattr(run, "_attempt", attempt)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert run.main(lambda _: []) == code
    assert f'"exit": {code}' in capsys.readouterr().out


def test_a_worker_told_to_stop_while_it_still_imports_exits_with_4(tmp_path: Path) -> None:
    (tmp_path / "boto3.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(600)\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "container.worker"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == "importing\n"
        worker.terminate()
    assert worker.returncode == AGAIN
