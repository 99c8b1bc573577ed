"""The function in shell over Lambda's runtime API; most tests also cover its twin in Python."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from examples.any_language import shell_function
from runtime.events import job_id
from runtime.results import manifest_key, pointer_key, rejection_key, version_prefix
from tests.support.events import s3_event, sqs_batch
from tests.support.lambda_runtime import Runtime, runtime
from tests.unit.conftest import World

FOLDER = Path(shell_function.__file__).parent
LANGUAGES = ("python", "shell")
DONE: dict[str, Any] = {"batchItemFailures": []}
KEYS = {
    "plain": "a.txt",
    "reserved": "a b+c/é~!*'()%20&=?.txt",
    "beyond-16-bits": "\U0001f600 \u20ac.txt",
    "escapes": 'quo"te\\back\\u0041\t.txt',
    "too-long-for-a-pointer": "ü" * 400,
}


@pytest.fixture(params=LANGUAGES, scope="module")
def function(request: pytest.FixtureRequest, endpoint: str) -> Iterator[Runtime]:
    """Yield one execution environment for all tests of a language, as Lambda reuses one."""
    with started(request.param, endpoint) as function:
        yield function


def started(
    language: str, endpoint: str, output: str = "output", folder: Path = FOLDER
) -> AbstractContextManager[Runtime]:
    """Start the function with the variables that Lambda and the stack set, and with `endpoint` as its S3."""
    if language == "shell" and not shutil.which("curl"):
        pytest.skip("There is no curl here (apt install curl).")
    return runtime(
        "tests.support.lines_function",
        command=[str(folder / "bootstrap")] if language == "shell" else [],
        LAMBDA_TASK_ROOT=str(folder),
        _HANDLER="texts",
        AWS_ENDPOINT_URL_S3=endpoint,
        AWS_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="AKID",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_SESSION_TOKEN="token",
        OUTPUT_BUCKET=output,
        POWERTOOLS_METRICS_NAMESPACE="Texts",
        POWERTOOLS_SERVICE_NAME="texts",
    )


def upload(world: World, key: str, data: bytes) -> dict[str, Any]:
    event = world.upload(key, data)
    return s3_event(key, version_id=event.version_id, sequencer=event.sequencer, size=len(data))


def id_of(event: dict[str, Any]) -> str:
    described = event["detail"]["object"]
    return job_id("source", described["key"], described["version-id"])


def written(world: World) -> list[tuple[str, Any]]:
    found = world.s3.list_objects_v2(Bucket="output")["Contents"]
    return [(item["Key"], item["LastModified"]) for item in found]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("ascii_only", [False, True], ids=["utf-8", "escaped"])
def test_a_text_is_numbered_published_and_shown(
    world: World, function: Runtime, key: str, ascii_only: bool
) -> None:
    event = upload(world, key, b"one\ntw\ro\n")
    assert function.invoke(sqs_batch(json.dumps(event, ensure_ascii=ascii_only))) == DONE
    prefix = version_prefix(id_of(event))
    assert {*world.keys()} == {
        f"{prefix}numbered.txt",
        f"{prefix}count.json",
        manifest_key(id_of(event)),
        pointer_key(key),
    }
    assert world.everything()[f"{prefix}numbered.txt"] == b"1 one\n2 tw\ro\n"
    manifest, pointer = world.read(manifest_key(id_of(event))), world.read(pointer_key(key))
    assert manifest == pointer
    assert (manifest["lines"], manifest["job_id"]) == (2, id_of(event))
    assert manifest["sequencer"] == event["detail"]["object"]["sequencer"]
    version = event["detail"]["object"]["version-id"]
    assert manifest["source"] == {"bucket": "source", "key": key, "version_id": version, "bytes": 9}


def test_results_are_kept_by_caches_and_the_pointer_is_not(world: World, function: Runtime) -> None:
    event = upload(world, "a.txt", b"one\n")
    function.invoke(sqs_batch(event))
    heads = {key: world.s3.head_object(Bucket="output", Key=key) for key, _ in written(world)}
    kept = {key for key, head in heads.items() if "immutable" in head["CacheControl"]}
    assert {*heads} - kept == {pointer_key("a.txt")}
    assert heads[f"{version_prefix(id_of(event))}numbered.txt"]["ContentType"] == "text/plain"


def test_an_event_that_comes_again_changes_no_byte(world: World, function: Runtime) -> None:
    event = upload(world, "a.txt", b"one\n")
    function.invoke(sqs_batch(event))
    before = written(world)
    assert function.invoke(sqs_batch(event)) == DONE
    assert written(world) == before


def test_an_older_event_that_arrives_late_is_not_shown(world: World, function: Runtime) -> None:
    older, newer = (upload(world, "a.txt", data) for data in (b"old\n", b"new\nnew\n"))
    for event in (newer, older):
        assert function.invoke(sqs_batch(event)) == DONE
    assert world.read(pointer_key("a.txt"))["job_id"] == id_of(newer)
    assert world.read(manifest_key(id_of(older)))["lines"] == 1


def test_a_file_that_is_not_text_is_rejected_with_its_reason(world: World, function: Runtime) -> None:
    event = upload(world, "a.txt", b"one\0\n")
    assert function.invoke(sqs_batch(event)) == DONE
    rejection = world.read(rejection_key(id_of(event)))
    assert rejection["reason"] == "unsupported-format"
    assert rejection["message"] == "The file holds a NUL byte: it is not text."
    assert world.keys() == [rejection_key(id_of(event))]


def test_a_version_that_is_gone_is_rejected(world: World, function: Runtime) -> None:
    event = upload(world, "a.txt", b"one\n")
    world.s3.delete_object(Bucket="source", Key="a.txt", VersionId=event["detail"]["object"]["version-id"])
    assert function.invoke(sqs_batch(event)) == DONE
    assert world.read(rejection_key(id_of(event)))["reason"] == "source-gone"


def test_a_file_that_is_too_large_is_rejected(world: World, function: Runtime) -> None:
    event = upload(world, "a.txt", b"a line of text\n" * 700_000)
    assert function.invoke(sqs_batch(event)) == DONE
    assert world.read(rejection_key(id_of(event)))["reason"] == "too-many-bytes"


@pytest.mark.parametrize("missing", ["version-id", "key", "sequencer"])
def test_an_event_that_lacks_a_field_is_an_error_and_stores_nothing(
    world: World, function: Runtime, missing: str
) -> None:
    event = upload(world, "a.txt", b"one\n")
    del event["detail"]["object"][missing]
    assert "errorMessage" in function.invoke(sqs_batch(event))
    assert world.keys() == []


@pytest.mark.parametrize("body", ['{"detail-type": "Object Created", "detail": {"x', '"\\ud800x"', "", "[]"])
def test_a_body_that_is_not_an_event_is_an_error_and_stores_nothing(
    world: World, function: Runtime, body: str
) -> None:
    assert "errorMessage" in function.invoke(sqs_batch(body))
    assert world.keys() == []


@pytest.mark.parametrize(("name", "value"), [("key", r"\ud800x"), ("key", ""), ("version-id", "")])
def test_values_that_s3_never_sends_are_an_error_in_the_shell(
    world: World, endpoint: str, name: str, value: str
) -> None:
    """These values are half of a surrogate pair, or empty where S3 always sends something."""
    event = upload(world, "a.txt", b"one\n")
    sent = event["detail"]["object"][name]
    body = json.dumps(event).replace(f'"{name}": "{sent}"', f'"{name}": "{value}"')
    with started("shell", endpoint) as function:
        assert "errorMessage" in function.invoke(sqs_batch(body))
    assert world.keys() == []


def test_the_shell_opens_no_file_by_dev_fd() -> None:
    """Lambda's /dev has only descriptors 0 to 2: https://github.com/aws/aws-lambda-base-images/issues/132"""
    assert not [path.name for path in FOLDER.iterdir() if path.is_file() and "<(" in path.read_text()]


def test_the_program_is_told_no_credentials(world: World, endpoint: str, tmp_path: Path) -> None:
    told = tmp_path / "told"
    folder = shutil.copytree(FOLDER, tmp_path / "package")
    (folder / "lines.sh").write_text(f"#!/bin/sh\nenv >{told}\nexit 4\n")
    with started("shell", endpoint, folder=folder) as function:
        assert "errorMessage" in function.invoke(sqs_batch(upload(world, "a.txt", b"one\n")))
    names = {line.partition("=")[0] for line in told.read_text().splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "SOURCE", "RESULTS", "TMPDIR"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_download_that_is_cut_is_an_error(world: World, language: str) -> None:
    event = upload(world, "a.txt", b"one\n")
    written: list[str] = []

    class Cutting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            missing = self.path.startswith("/output")
            self.send_response(404 if missing else 200)
            self.send_header("Content-Length", str(len(MISSING) if missing else 100))
            self.end_headers()
            self.wfile.write(MISSING if missing else b"one\ntwo\n")
            self.close_connection = True

        def do_PUT(self) -> None:
            written.append(self.path)
            self.send_error(500)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Cutting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with started(language, f"http://127.0.0.1:{server.server_port}") as function:
            assert "errorMessage" in function.invoke(sqs_batch(event))
    finally:
        server.shutdown()
        server.server_close()
    assert written == []


MISSING = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"


def test_a_folder_is_ignored(world: World, function: Runtime) -> None:
    assert function.invoke(sqs_batch(upload(world, "folder/", b""))) == DONE
    assert world.keys() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_by_s3_fails_the_invocation_and_not_the_process(
    world: World, endpoint: str, language: str
) -> None:
    event = upload(world, "a.txt", b"one\n")
    with started(language, endpoint, output="there-is-none") as function:
        assert "errorMessage" in function.invoke(sqs_batch(event))
        assert "errorMessage" in function.invoke(sqs_batch("not json"))
        assert function.starts == 1
