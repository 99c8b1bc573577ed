"""The small S3 client: it signs as botocore does, and gets the answers that boto3 gets from moto's S3."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import botocore
import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ProtocolError

from runtime.slim_s3 import S3, sign
from tests.support.keys import KEYS
from tests.unit.conftest import World

LAMBDA = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret/+", "AWS_REGION": "eu-west-1"}
PARTITIONS = Path(botocore.__file__).with_name("data") / "partitions.json"
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


def test_the_clients_repr_has_no_secrets() -> None:
    assert "secret" not in repr(S3(environment=LAMBDA))


def test_without_credentials_it_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="AWS_SECRET_ACCESS_KEY not in the environment: use boto3"):
        S3(environment={"AWS_ACCESS_KEY_ID": "x", "AWS_REGION": "eu-west-1"})


@pytest.fixture
def s3(world: World) -> Any:
    return world.job.s3


@pytest.mark.parametrize("key", NAMES)
def test_the_client_and_boto3_each_find_what_the_other_stored(world: World, s3: Any, key: str) -> None:
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
    world.job.output.purge(job)
    assert world.keys() == [f"v/{job[:-1]}1/0"]


def test_its_hosts_are_those_of_every_partition() -> None:
    for partition in json.loads(PARTITIONS.read_text())["partitions"]:
        for region in partition["regions"]:
            s3 = S3(environment={**LAMBDA, "AWS_REGION": region})
            pool, _ = s3._address("b", region)
            if not region.endswith("-global"):
                assert pool.host == f"b.s3.{region}.{partition['outputs']['dnsSuffix']}"
