"""The small S3 client: signed as botocore signs, and answered as moto's S3 answers boto3."""

import gzip
import os
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import HTTPError, ProtocolError

from runtime.results import Output
from runtime.slim_s3 import S3, sign
from tests.support.keys import KEYS
from tests.unit.conftest import World

LAMBDA = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret/+", "AWS_REGION": "eu-west-1"}
NOW = datetime(2026, 11, 23, 12, 30, 5)
NAMES = ["a b+c.jpg", "a//b", "/a", "a/../b", "./a", "été", "100%25 & <x>?y=#z", "~.-_*'()", "日本/語"]


@given(
    KEYS,
    st.dictionaries(st.sampled_from(["prefix", "versionId", "x-id"]), st.text("aé/+ =&~%", min_size=1)),
    st.binary(max_size=50),
    st.sampled_from(["", "token/+="]),
)
def test_it_signs_as_botocore_does(key: str, query: dict[str, str], body: bytes, token: str) -> None:
    path = "/" + quote(key, safe="/~")
    search = "&".join(f"{name}={quote(query[name], safe='~')}" for name in sorted(query))
    headers = {
        "host": "bucket.s3.eu-west-1.amazonaws.com",
        "x-amz-tagging": "state=deleted",
        "if-match": '"1"',
    }
    ours = sign("PUT", path, search, headers, body, {**LAMBDA, "AWS_SESSION_TOKEN": token}, NOW)
    url = f"https://{headers['host']}{path}?{search}"
    request = AWSRequest(method="PUT", url=url, headers=headers, data=body)
    credentials = Credentials("AKID", "secret/+", token or None)
    with patch("botocore.auth.get_current_datetime", lambda: NOW):
        botocore.auth.S3SigV4Auth(credentials, "s3", "eu-west-1").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]


@pytest.mark.parametrize(
    ("region", "host"),
    [("eu-west-1", "b.s3.eu-west-1.amazonaws.com"), ("cn-north-1", "b.s3.cn-north-1.amazonaws.com.cn")],
)
def test_on_aws_it_speaks_tls_to_the_buckets_own_name_and_checks_the_certificate(
    region: str, host: str
) -> None:
    s3 = S3(environment={**LAMBDA, "AWS_REGION": region}, retries=0)
    asked: list[Any] = []

    def connect(pool: Any, *arguments: Any, **named: Any) -> Any:
        asked.append((pool.scheme, pool.host, pool.cert_reqs, arguments, named["headers"]["host"]))
        raise ProtocolError

    with patch("urllib3.HTTPSConnectionPool.urlopen", connect), pytest.raises(ProtocolError):
        s3.get_object(Bucket="b", Key="a/../b c", VersionId="1")
    assert asked == [("https", host, None, ("GET", "/a/../b%20c?versionId=1"), host)]
    # None is urllib3's default, which requires a certificate that is valid for the host.


def test_its_secrets_are_not_in_what_it_prints() -> None:
    assert "secret" not in repr(S3(environment=LAMBDA))


def test_without_credentials_it_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="AWS_SECRET_ACCESS_KEY not in the environment: use boto3"):
        S3(environment={"AWS_ACCESS_KEY_ID": "x", "AWS_REGION": "eu-west-1"})


@pytest.fixture
def s3(world: World) -> Any:
    return world.job.s3


@pytest.mark.parametrize("key", NAMES)
def test_what_it_stores_boto3_finds_and_the_other_way_round(world: World, s3: Any, key: str) -> None:
    stored = s3.put_object(
        Bucket="source",
        Key=key,
        Body=b"1",
        ContentType="image/webp",
        CacheControl="no-cache",
        Tagging="a=b%2B",
    )
    found = world.s3.get_object(Bucket="source", Key=key)
    assert (found["Body"].read(), found["ETag"]) == (b"1", stored["ETag"])
    assert (found["ContentType"], found["CacheControl"]) == ("image/webp", "no-cache")
    assert world.s3.get_object_tagging(Bucket="source", Key=key)["TagSet"] == [{"Key": "a", "Value": "b+"}]
    version = found["VersionId"]
    world.s3.put_object(Bucket="source", Key=key, Body=b"22")
    assert s3.get_object(Bucket="source", Key=key)["Body"].read() == b"22"
    assert s3.get_object(Bucket="source", Key=key, VersionId=version)["Body"].read() == b"1"
    assert s3.head_object(Bucket="source", Key=key)["ContentLength"] == 2
    s3.delete_objects(Bucket="source", Delete={"Objects": [{"Key": key}]})
    assert "Contents" not in world.s3.list_objects_v2(Bucket="source")


@pytest.mark.parametrize(
    ("call", "request_", "code"),
    [
        ("get_object", {"Key": "none"}, "NoSuchKey"),
        ("head_object", {"Key": "none"}, "404"),
        ("put_object", {"Key": "a", "Body": b"2", "IfNoneMatch": "*"}, "PreconditionFailed"),
        ("put_object", {"Key": "a", "Body": b"2", "IfMatch": '"0"'}, "PreconditionFailed"),
    ],
)
def test_its_errors_are_those_of_boto3(
    world: World, s3: Any, call: str, request_: dict[str, Any], code: str
) -> None:
    world.s3.put_object(Bucket="output", Key="a", Body=b"1")
    said = []
    for client in (s3, world.s3):
        with pytest.raises(ClientError) as error:
            getattr(client, call)(Bucket="output", **request_)
        answer = error.value.response
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        message = answer["Error"]["Message"].lower()
        said.append((answer["Error"]["Code"], message, status, error.value.operation_name))
    assert said[0] == said[1]
    assert said[0][0] == code


def test_a_conditional_put_that_holds_is_stored(world: World, s3: Any) -> None:
    etag = s3.put_object(Bucket="output", Key="a", Body=b"1", IfNoneMatch="*")["ETag"]
    s3.put_object(Bucket="output", Key="a", Body=b"2", IfMatch=etag)
    assert world.everything() == {"a": b"2"}


def test_more_keys_than_a_page_holds_are_all_removed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    job = "0" * 32
    for number in range(5):
        world.s3.put_object(Bucket="output", Key=f"v/{job}/{number}", Body=b"")
    world.s3.put_object(Bucket="output", Key=f"v/{job[:-1]}1/0", Body=b"")
    world.job.output.remove(job)
    assert world.keys() == [f"v/{job[:-1]}1/0"]


class Server(BaseHTTPRequestHandler):
    """Answers with what `script` says next, and then with a 200 of nothing."""

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


def test_an_answer_of_503_is_tried_again(server: Any) -> None:
    Server.script = [(503, {}, b"<Code>SlowDown</Code>"), (500, {}, b""), (200, {}, b"found")]
    assert client(server).get_object(Bucket="b", Key="k")["Body"].read() == b"found"


def test_after_its_last_try_it_says_what_s3_said(server: Any) -> None:
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


def test_what_was_not_deleted_is_named(server: Any) -> None:
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


def test_what_is_refused_is_not_tried_again(server: Any) -> None:
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
