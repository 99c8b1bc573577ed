"""The small S3 client with a task's credentials, which come from an endpoint and expire."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError

from runtime.task_s3 import RETRIES, task_s3
from runtime.work.uploads import THREADS, Uploads

VALID = timedelta(minutes=16)
"""botocore must renew credentials that are valid for less than ten minutes, and may renew them below fifteen:
https://github.com/boto/botocore/blob/develop/botocore/credentials.py (RefreshableCredentials)
"""
EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"


@dataclass
class Cloud:
    """The credentials endpoint, and an S3 that refuses expired credentials; the test sets `now`."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    issued: dict[str, datetime] = field(default_factory=dict)
    stored: Counter[str] = field(default_factory=Counter)
    signed_by: Counter[str] = field(default_factory=Counter)
    connections: set[int] = field(default_factory=set)
    busy: int = 0
    """How many PUTs to answer with 503."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def credentials(self) -> bytes:
        with self.lock:
            key = f"AKID{len(self.issued)}"
            self.issued[key] = self.now + VALID
        told = {"AccessKeyId": key, "SecretAccessKey": "secret", "Token": f"token-{key}"}
        return json.dumps({**told, "Expiration": f"{self.issued[key]:%Y-%m-%dT%H:%M:%SZ}"}).encode()

    def put(self, path: str, authorization: str, token: str, connection: int) -> bool:
        key = re.findall("Credential=(.*?)/", authorization)[0]
        with self.lock:
            self.connections.add(connection)
            self.signed_by[key] += 1
            if token != f"token-{key}" or self.issued[key] <= self.now:
                return False
            self.stored[path] += 1
        return True


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    made = Cloud()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"0"')
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.answer(200, made.credentials())

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if made.busy:
                made.busy -= 1
                self.answer(503, b"<Error><Code>SlowDown</Code></Error>")
                return
            told = self.headers["Authorization"], self.headers["x-amz-security-token"]
            good = made.put(self.path, *told, self.client_address[1])
            self.answer(*((200, b"") if good else (403, EXPIRED)))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{address}/credentials")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    yield made
    server.shutdown()
    server.server_close()


def test_no_upload_fails_although_credentials_expire_in_the_middle_of_2000(cloud: Cloud) -> None:
    session: Any = boto3.Session()
    session.get_credentials()._time_fetcher = lambda: cloud.now
    s3 = task_s3(session, connections=THREADS)

    def put(path: str, data: bytes) -> None:
        s3.put_object(Bucket="b", Key=path, Body=data)

    later = {700: timedelta(minutes=8), 1400: timedelta(minutes=9)}
    with Uploads(put) as uploads:
        for number in range(2000):
            if number in later:
                uploads.flush()
                cloud.now += later[number]
            uploads.store(f"tile/{number}", b"data")
    assert len(cloud.stored) == 2000
    assert set(cloud.stored.values()) == {1}, "none was refused and sent again"
    assert len(cloud.issued) == 3
    assert cloud.signed_by == {"AKID0": 700, "AKID1": 700, "AKID2": 600}


def test_each_thread_keeps_its_connection(cloud: Cloud) -> None:
    s3 = task_s3(boto3.Session(), connections=THREADS)
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda n: s3.put_object(Bucket="b", Key=str(n), Body=b""), range(400)))
    assert len(cloud.stored) == 400
    assert len(cloud.connections) <= THREADS


def test_a_put_outlasts_half_a_minute_in_which_s3_scales(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", pauses.append)
    cloud.busy = RETRIES
    task_s3(boto3.Session(), connections=1).put_object(Bucket="b", Key="k", Body=b"")
    assert cloud.stored == {"/b/k": 1}
    assert 20 < sum(pauses) < 60


def test_without_credentials_the_client_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    session = boto3.Session(region_name="eu-west-1")
    monkeypatch.setattr(session, "get_credentials", lambda: None)
    with pytest.raises(NoCredentialsError):
        task_s3(session, connections=1)
