"""StreamPattern as deployed: records are counted, or set aside if malformed, and none is lost."""

import json
import time

import pytest

from tests.local.conftest import Deployment, actions, eventually, role_of, statements, without
from tests.support.log_lines import log_line
from tests.support.privileges import NEEDS, denied_without
from tools.commands import views
from tools.drivers.deployed import Deployed
from tools.drivers.stream_pattern import SET_ASIDE, StreamDriver
from tools.local_aws import running

BREAKS = denied_without("views")


def view(name: str, number: int) -> tuple[str, bytes]:
    request_id = f"{name}-{number}"
    path = f"/iiif/3/{name}/full/max/0/default.jpg"
    return request_id, log_line(path, request_id=request_id, second=time.time())


def test_a_minute_of_views_is_counted_and_the_command_shows_the_top(
    stream: StreamDriver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Deployed(client=stream.client, resource=stream.client, outputs=stream.outputs)
    monkeypatch.setattr(running, "find", lambda *_: found)
    assert views.main(["put"]) == 0
    eventually(lambda: stream.views().total() >= views.MADE_UP)
    assert views.main(["top"]) == 0
    said = capsys.readouterr().out
    assert "600 views of 4 images" in said
    assert said.index("earth-blue-marble.jpg") < said.index("rocket.jpg")
    assert stream.behind() == 0


def test_a_malformed_record_is_set_aside_and_holds_up_nothing(stream: StreamDriver) -> None:
    before = {*stream.set_aside("malformed/")}
    stream.put([view("malformed", 1), ("key", b"nonsense"), view("malformed", 2)])
    eventually(lambda: stream.views()["iiif/malformed"] == 2)
    (key,) = {*stream.set_aside("malformed/")} - before
    told = json.loads(stream.s3.get_object(Bucket=stream.outputs["SetAsideBucket"], Key=key)["Body"].read())
    assert "tab-separated" in told["reason"]


@pytest.mark.parametrize("action", BREAKS)
def test_without_a_statement_its_call_is_denied_and_with_it_again_nothing_was_lost(
    deployment: Deployment, stream: StreamDriver, action: str
) -> None:
    deployment.aws.most_hidden.write_text("30")  # pauses of up to 30 s: 20 retries suffice on slow machines
    name = f"without-{BREAKS[action]}"
    with without(stream.client, role_of(stream.client, stream.outputs["FunctionName"]), action):
        stream.put([("key", b"nonsense"), view(name, 1)])
        eventually(lambda: any(BREAKS[action] in one for one in not_counted(stream)))
        assert all("AccessDenied" in one for one in not_counted(stream))
        assert name not in {image.removeprefix("iiif/") for image in stream.views()}
    eventually(lambda: stream.views()[f"iiif/{name}"] == 1)
    assert stream.set_aside(SET_ASIDE) == []
    deployment.aws.most_hidden.write_text("1")


def not_counted(stream: StreamDriver) -> list[str]:
    """Return why records had to be retried, from the function's log."""
    logs, group = stream.client("logs"), stream.outputs["LogGroup"]
    events = logs.filter_log_events(logGroupName=group, filterPattern="counted")["events"]
    lines = [json.loads(one["message"]) for one in events if one["message"].startswith("{")]
    return [line["why"] for line in lines if line.get("message") == "Not counted"]


def test_the_functions_role_has_the_statements_that_are_listed(stream: StreamDriver) -> None:
    role = role_of(stream.client, stream.outputs["FunctionName"])
    assert {actions(one)[0] for one in statements(stream.client, role)} == {*NEEDS["views"]}
