"""Where images come from: a bucket in moto, and a folder."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from container.service.errors import NotFoundError, StoreError
from container.service.stores import Bucket, Folder
from runtime.imaging.limits import Limits
from runtime.rejection import Reason, Rejected
from tests.support.images import corners, encode


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="images")
        yield Bucket(s3=s3, name="images", limits=Limits(max_pixels=1_000_000, max_bytes=200_000))


def test_a_bucket_gives_a_file_with_its_version_or_the_version_alone(bucket: Bucket) -> None:
    small = encode(corners(60, 40), ".png")
    bucket.s3.put_object(Bucket="images", Key="a/é +.png", Body=small)
    found = bucket.fetch("a/é +.png")
    assert (found.data, found.header.width) == (small, 60)
    assert bucket.version("a/é +.png") == found.version
    bucket.s3.put_object(Bucket="images", Key="a/é +.png", Body=encode(corners(40, 40), ".png"))
    assert bucket.version("a/é +.png") == bucket.fetch("a/é +.png").version != found.version


def test_a_missing_key_is_not_found_and_a_failing_bucket_is_a_store_error(bucket: Bucket) -> None:
    for ask in (bucket.fetch, bucket.version):
        with pytest.raises(NotFoundError):
            ask("none")
    with pytest.raises(StoreError, match="NoSuchBucket"):
        replace(bucket, name="other").fetch("a")
    with (
        patch.object(bucket.s3, "get_object", side_effect=EndpointConnectionError(endpoint_url="x")),
        pytest.raises(StoreError, match="cannot be reached"),
    ):
        bucket.fetch("a")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes(200_001), Reason.TOO_MANY_BYTES),
        (b"text", Reason.NOT_AN_IMAGE),
        (encode(corners(1002, 1000), ".png"), Reason.TOO_MANY_PIXELS),
    ],
)
def test_bucket_and_folder_reject_the_same_files_for_the_same_reasons(
    bucket: Bucket, tmp_path: Path, data: bytes, reason: Reason
) -> None:
    bucket.s3.put_object(Bucket="images", Key="a", Body=data)
    (tmp_path / "a").write_bytes(data)
    for store in (bucket, Folder(path=tmp_path, limits=bucket.limits)):
        with pytest.raises(Rejected) as error:
            store.fetch("a")
        assert error.value.reason is reason


def test_a_folder_gives_each_file_by_one_key_and_nothing_outside_of_it(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.png").write_bytes(encode(corners(60, 40), ".png"))
    (tmp_path / "secret.png").write_bytes(encode(corners(60, 40), ".png"))
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    folder = Folder(path=inside, limits=Limits())
    assert folder.version("a.png") == folder.fetch("a.png").version
    for key in (
        "./a.png",
        "a.png/",
        "x/../a.png",
        "../secret.png",
        "link.png",
        "",
        ".",
        "a.png\0",
        str(inside / "a.png"),
    ):
        for ask in (folder.fetch, folder.version):
            with pytest.raises(NotFoundError):
                ask(key)
