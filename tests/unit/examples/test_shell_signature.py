"""The function in shell sends its requests to Amazon S3 with curl, signed as botocore would sign them."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.unit.examples.test_shell_function import FOLDER, KEYS

Asked = dict[str, Any]
COMMANDS = ['s3 bucket "$KEY" v.1_2-3', 'put "$KEY" text/plain "$FILE" "If-Match: \\"1\\""']


@pytest.fixture
def asked() -> Iterator[list[Asked]]:
    """Yield requests as they arrived, after a first item with the server's URL."""
    found: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            found.append(
                {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
            )
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = answer  # noqa: N815
        do_PUT = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.append({"url": f"http://127.0.0.1:{server.server_port}"})
    yield found
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(not shutil.which("curl"), reason="There is no curl here (apt install curl).")
@pytest.mark.parametrize("token", ["", "token/+="])
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("command", COMMANDS)
def test_curl_signs_as_botocore_does(
    asked: list[Asked], tmp_path: Path, command: str, key: str, token: str
) -> None:
    (tmp_path / "file").write_bytes(b"a text\n")
    variables = {
        "AWS_ENDPOINT_URL_S3": asked[0]["url"],
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "secret/+",
        "AWS_SESSION_TOKEN": token,
        "OUTPUT_BUCKET": "output",
        "KEY": key,
        "FILE": str(tmp_path / "file"),
        "folder": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        ["bash", "-euc", f"source ./s3.sh; {command}"],
        cwd=FOLDER,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "200", done.stderr
    assert asked[1]["headers"]["Authorization"] == signed(asked[1], token)


def signed(asked: Asked, token: str) -> str:
    """Return the Authorization header that botocore would make from the same headers and time."""
    given = asked["headers"]["Authorization"]
    names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "x-amz-date", "x-amz-content-sha256"} <= {*names}
    headers = {name: value for name, value in asked["headers"].items() if name.lower() in names}
    url = f"http://{asked['headers']['Host']}{asked['path']}"
    request = AWSRequest(method=asked["method"], url=url, headers=headers, data=asked["body"])
    request.context["timestamp"] = headers["X-Amz-Date"]
    signer = botocore.auth.S3SigV4Auth(Credentials("AKID", "secret/+", token or None), "s3", "eu-west-1")
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    return f"{given.partition('Signature=')[0]}Signature={signature}"
