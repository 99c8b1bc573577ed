"""The example function in shell (`provided.al2023`), deployed beside the patterns, keeps their contract."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from examples.any_language import app
from runtime.results import pointer_key, version_prefix
from tests.local.conftest import Deployment, eventually, redeliver_soon, role_of, without
from tools.drivers.deployed import Upload
from tools.drivers.uploads import Uploads

PROGRAM = f"python3 -m {app.__name__}"
STATEMENTS = ("s3:GetObjectVersion", "s3:GetObject", "s3:PutObject")


@pytest.fixture(scope="module")
def texts(deployment: Deployment) -> Iterator[Uploads]:
    cdk = replace(deployment.cdk, program=PROGRAM)
    yield Uploads(client=deployment.aws.client, outputs=cdk.deploy("ShellFunction")["ShellFunction"])
    cdk.destroy("ShellFunction")
    stacks = deployment.aws.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE"])
    assert not [one for one in stacks["StackSummaries"] if one["StackName"].endswith("ShellFunction")]


def test_an_uploaded_text_is_numbered_and_shown(texts: Uploads) -> None:
    result = texts.result(texts.upload("a b+é \U0001f600.txt", b"one\ntwo\n"))
    assert result.manifest
    assert result.manifest["lines"] == 2
    numbered = texts.read(f"{version_prefix(result.upload.job_id)}numbered.txt")
    assert numbered == b"1 one\n2 two\n"
    eventually(lambda: texts.read(pointer_key(result.upload.key)))


def test_a_file_that_is_not_text_is_rejected(texts: Uploads) -> None:
    rejection = texts.result(texts.upload("picture.txt", b"\0")).rejection
    assert rejection
    assert rejection["reason"] == "unsupported-format"


@pytest.mark.parametrize("action", STATEMENTS)
def test_without_a_statement_the_message_waits_and_with_it_again_nothing_was_lost(
    texts: Uploads, action: str
) -> None:
    function = texts.outputs["FunctionName"]
    role = role_of(texts.client, function)
    redeliver_soon(texts.client("sqs"), texts.outputs["Queue"], receives=1000)
    with without(texts.client, role, action):
        upload = texts.upload(f"{action[3:]}.txt", b"one\n")
        eventually(lambda: any("S3 answered 403" in line for line in lines_of(texts, upload)))
    assert texts.result(upload).manifest


def lines_of(texts: Uploads, upload: Upload) -> list[str]:
    """Return what the function logged about an upload."""
    pages = texts.client("logs").get_paginator("filter_log_events")
    events = (
        one for page in pages.paginate(logGroupName=texts.outputs["LogGroup"]) for one in page["events"]
    )
    return [one["message"] for one in events if upload.job_id in one["message"]]
