"""Starts and stops the local AWS."""

import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import boto3

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".ministack" / "bin" / "python"
ACCOUNT, REGION = "000000000000", "us-east-1"
START_SECONDS, STOP_SECONDS = 180, 60


class LocalAwsError(Exception):
    """Raised when a command cannot continue, on the local AWS or in an account; the message says why."""


@dataclass(frozen=True, kw_only=True)
class LocalAws:
    """A running MiniStack. log: its own and its functions' output.

    containers: its LOCAL_AWS_ environment variables and, if the caller has it, DOCKER_HOST.
    vcpus: file with the account's vCPU quota for RunTask; without it there is no limit.
    rekognition: file with the error code that DetectLabels answers; without it there is no error.
    minute: file with the length of an auto scaling minute in seconds; sixty by default.
    most_hidden: file with the maximum seconds for which ChangeMessageVisibility hides a message (by default
        unlimited), and for which the retry of a stream's batch waits (by default 30).
    """

    url: str
    pid: int
    log: Path
    containers: Mapping[str, str]

    @property
    def vcpus(self) -> Path:
        return Path(self.containers["LOCAL_AWS_VCPUS"])

    @property
    def rekognition(self) -> Path:
        return Path(self.containers["LOCAL_AWS_REKOGNITION"])

    @property
    def minute(self) -> Path:
        return Path(self.containers["LOCAL_AWS_MINUTE"])

    @property
    def most_hidden(self) -> Path:
        return Path(self.containers["LOCAL_AWS_MOST_HIDDEN"])

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables by which the aws CLI, boto3 and the CDK reach this AWS and no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str, *, key: str = "test", secret: str = "test") -> Any:
        """Return a boto3 client for this AWS, whatever the caller's own configuration says.

        key, secret: of an IAM user; the default is the account's root, which no policy restricts.
        """
        session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name=REGION)
        return session.client(service, endpoint_url=self.url)

    def resource(self, service: str) -> Any:
        """Return a boto3 resource for this AWS, as root."""
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        return session.resource(service, endpoint_url=self.url)


def forget_other_accounts() -> None:
    """Keep this process and its children away from any AWS but the local one from now on.

    A profile, session token or endpoint of the caller's would override ours in one SDK or another.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    os.environ.update(AWS_EC2_METADATA_DISABLED="true", NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")


@functools.cache
def run_by() -> Literal["docker", "processes"]:
    """Return how tasks run here: as containers if a Docker daemon answers, else as processes.

    LOCAL_AWS_CONTAINERS overrides this. Raises LocalAwsError if its value is invalid, or if tasks cannot run
    in that way here.
    """
    asked = os.environ.get("LOCAL_AWS_CONTAINERS", "")
    if asked not in ("", "docker", "processes"):
        raise LocalAwsError(f"LOCAL_AWS_CONTAINERS={asked} is invalid. Allowed: docker, processes.")
    answers = (
        shutil.which("docker") and not subprocess.run(["docker", "info"], capture_output=True).returncode
    )
    if asked == "docker" and not answers:
        raise LocalAwsError(
            "LOCAL_AWS_CONTAINERS=docker, but no Docker daemon answers: start one, or unset the variable."
        )
    if answers and asked != "processes":
        return "docker"
    if sys.platform != "linux" and answers:
        raise LocalAwsError("LOCAL_AWS_CONTAINERS=processes works on Linux only: unset the variable.")
    if sys.platform != "linux":  # elsewhere tasks cannot have loopback addresses of their own
        raise LocalAwsError("Tasks need a Docker daemon here, and none answers: start it and try again.")
    return "processes"


@contextmanager
def local_aws(
    log: Path, *, without: Sequence[str] = (), kept: Path | None = None, port: int = 0
) -> Iterator[LocalAws]:
    """Yield a private MiniStack on a loopback port, with IAM enforced.

    It stops when the block or this process ends, in whatever way. Raises LocalAwsError if it does not start.

    without: names of the emulator's patches to leave out.
    kept: folder from which its state is read at the start, and where it is saved at the end. A later start
        needs the same port, which is part of the queues' URLs.
    port: 0 for a free one.
    """
    forget_other_accounts()
    log.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="local-aws-"))
    containers = {
        "LOCAL_AWS_CONTAINERS": run_by(),
        "LOCAL_AWS_IMAGES": str(scratch / "images"),
        "LOCAL_AWS_PYTHON": sys.executable,
        "LOCAL_AWS_VCPUS": str(scratch / "vcpus"),
        "LOCAL_AWS_REKOGNITION": str(scratch / "rekognition"),
        "LOCAL_AWS_MINUTE": str(scratch / "minute"),
        "LOCAL_AWS_MOST_HIDDEN": str(scratch / "most-hidden"),
        **{name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ},
    }
    with socket.socket() as listening, log.open("wb") as output:
        # The socket listens before MiniStack starts: nobody else takes the port, and the first request waits.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()
        port = listening.getsockname()[1]
        process = subprocess.Popen(
            [PYTHON, "-m", "tools.local_aws.emulator", str(listening.fileno())],
            cwd=ROOT,
            env={**_environment(port, scratch, without, kept), **containers},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=[listening.fileno()],
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        aws = LocalAws(url=url, pid=process.pid, log=log, containers=containers)
        try:
            with urllib.request.urlopen(f"{aws.url}/_ministack/health", timeout=START_SECONDS):
                pass
        except (OSError, urllib.error.URLError) as error:
            raise LocalAwsError(f"The local AWS did not start ({error}); see {log}.") from error
        yield aws
    finally:
        _stop(process)
        shutil.rmtree(scratch, ignore_errors=True)


def _environment(port: int, scratch: Path, without: Sequence[str], kept: Path | None) -> dict[str, str]:
    keeping = {
        "STATE_DIR": f"{kept}/state",
        "S3_DATA_DIR": f"{kept}/s3",
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
    }
    # Functions inherit MiniStack's environment: of the caller's, it holds only PATH, and DOCKER_HOST if set.
    return {
        **(keeping if kept else {}),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "AUTH": "true",
        "LAMBDA_ACCOUNT_CONCURRENCY": "10",  # as a new account has
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(scratch),
        "NODE_PATH": str(ROOT / "tools" / "local_aws" / "node_modules"),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "LOCAL_AWS_WITHOUT": ",".join(without),
    }


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the process group that the emulator leads: itself, its functions, and tasks that are processes."""
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
