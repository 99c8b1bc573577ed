"""The small S3 client's handling of answers that moto never gives: errors, early ends, no server at all."""

import gzip
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError
from urllib3.exceptions import HTTPError

from runtime.results import Output
from runtime.slim_s3 import MOST_PAUSE, S3


class Server(BaseHTTPRequestHandler):
    """A handler that answers with the next entry of `script`, and after the last with an empty 200."""

    protocol_version = "HTTP/1.1"
    script: list[tuple[int, dict[str, str], bytes]]

    def do_GET(self) -> None:
        status, headers, body = self.script.pop(0) if self.script else (200, {}, b"")
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "ETag": '"1"',
            "Connection": "close",
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    Server.script = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as serving:
        threading.Thread(target=serving.serve_forever, args=[0.01]).start()
        yield serving
        serving.shutdown()


def client(server: Any, **options: Any) -> S3:
    return S3(
        environment={**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}, **options
    )


def test_the_client_waits_no_longer_than_its_own_pauses_despite_retry_after(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", pauses.append)
    Server.script = [(503, {"Retry-After": "3600"}, b"<Code>SlowDown</Code>")] * 6
    with pytest.raises(ClientError, match="SlowDown"):
        client(server).get_object(Bucket="b", Key="k")
    assert Server.script == []
    assert len(pauses) == 4, "the first of five retries comes at once"
    assert 1 < max(pauses) <= MOST_PAUSE
    assert sum(pauses) < 10


def test_an_answer_of_503_is_tried_again(server: Any) -> None:
    Server.script = [(503, {}, b"<Code>SlowDown</Code>"), (500, {}, b""), (200, {}, b"found")]
    assert client(server).get_object(Bucket="b", Key="k")["Body"].read() == b"found"


def test_after_the_last_try_the_error_has_the_code_and_message_of_s3(server: Any) -> None:
    Server.script = [(503, {}, b"<Error><Code>SlowDown</Code><Message>Reduce</Message></Error>")] * 2
    with pytest.raises(ClientError, match=r"SlowDown.*Reduce"):
        client(server, retries=1).get_object(Bucket="b", Key="k")
    assert Server.script == []


INTERNAL = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
)
DELETED = b'<?xml version="1.0"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'
LISTED = (
    b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Contents><Key>k</Key></Contents></ListBucketResult>"
)
CALLS = [
    ("delete_objects", {"Delete": {"Objects": [{"Key": "k"}]}}, DELETED, {"Errors": []}),
    ("list_objects_v2", {"Prefix": "k"}, LISTED, {"Contents": [{"Key": "k"}]}),
    ("put_object", {"Key": "k", "Body": b"1"}, b"", {"ETag": '"1"'}),
]


@pytest.mark.parametrize(("call", "request_", "body", "result"), CALLS, ids=[one[0] for one in CALLS])
def test_a_200_whose_body_is_an_error_is_tried_again(
    server: Any, call: str, request_: dict[str, Any], body: bytes, result: dict[str, Any]
) -> None:
    Server.script = [(200, {}, INTERNAL), (200, {}, INTERNAL), (200, {}, body)]
    assert getattr(client(server), call)(Bucket="b", **request_) == result
    assert Server.script == []


@pytest.mark.parametrize(("call", "request_", "body", "result"), CALLS, ids=[one[0] for one in CALLS])
def test_a_200_whose_body_stays_an_error_is_a_500(
    server: Any, call: str, request_: dict[str, Any], body: bytes, result: dict[str, Any]
) -> None:
    Server.script = [(200, {}, INTERNAL)] * 2
    with pytest.raises(ClientError, match=r"InternalError.*We encountered") as error:
        getattr(client(server, retries=1), call)(Bucket="b", **request_)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert Server.script == []


def test_errors_in_the_body_use_up_the_same_tries_as_errors_by_status(server: Any) -> None:
    Server.script = [(503, {}, b""), (200, {}, INTERNAL), (503, {}, INTERNAL), (200, {}, LISTED)]
    with pytest.raises(ClientError, match="InternalError"):
        client(server, retries=2).list_objects_v2(Bucket="b", Prefix="k")
    assert Server.script == [(200, {}, LISTED)]


def test_an_object_that_looks_like_an_error_is_read_as_stored(server: Any) -> None:
    Server.script = [(200, {}, INTERNAL)]
    assert client(server).get_object(Bucket="b", Key="k")["Body"].read() == INTERNAL


def test_keys_that_were_not_deleted_are_an_error_that_says_why(server: Any) -> None:
    refused = b"<Error><Key>k</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
    Server.script = [
        (
            200,
            {},
            b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' + refused + b"</DeleteResult>",
        )
    ]
    output = Output(s3=client(server), bucket="b")
    with pytest.raises(ClientError, match=r"AccessDenied.*1 keys"):
        output._delete("k")


def test_a_request_that_s3_gave_up_waiting_for_is_tried_again(server: Any) -> None:
    timed_out = b"<Error><Code>RequestTimeout</Code><Message>Your socket connection</Message></Error>"
    Server.script = [(400, {}, timed_out), (400, {}, timed_out), (200, {}, b"")]
    assert client(server).put_object(Bucket="b", Key="k", Body=b"1") == {"ETag": '"1"'}
    Server.script = [(400, {}, timed_out)] * 2
    with pytest.raises(ClientError, match="RequestTimeout"):
        client(server, retries=1).put_object(Bucket="b", Key="k", Body=b"1")


def test_a_request_that_is_refused_is_not_tried_again(server: Any) -> None:
    Server.script = [(403, {}, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")]
    with pytest.raises(ClientError, match="AccessDenied"):
        client(server).get_object(Bucket="b", Key="k")


def test_an_object_is_read_as_stored_whatever_encoding_its_uploader_named(server: Any) -> None:
    packed = gzip.compress(bytes(1000))
    Server.script = [(200, {"Content-Encoding": "gzip"}, packed)]
    found = client(server).get_object(Bucket="b", Key="k")
    assert (found["Body"].read(), found["ContentLength"]) == (packed, len(packed))


def test_a_body_that_ends_early_is_an_error_and_not_a_short_file(server: Any) -> None:
    Server.script = [(200, {"Content-Length": "10"}, b"12345")]
    body = client(server).get_object(Bucket="b", Key="k")["Body"]
    with pytest.raises(HTTPError):
        body.read()


def test_a_server_that_is_not_there_is_an_error_after_the_tries(server: Any) -> None:
    s3 = client(server, retries=1, connect_timeout=1)
    server.socket.close()
    with pytest.raises(HTTPError):
        s3.head_object(Bucket="b", Key="k")


def test_a_key_that_no_address_can_hold_is_an_invalid_uri() -> None:
    with pytest.raises(ClientError) as refused:
        S3(environment={**os.environ, "AWS_REGION": "us-east-1"}).get_object(Bucket="b", Key="/\x01a")
    assert refused.value.response["Error"]["Code"] == "InvalidURI"
