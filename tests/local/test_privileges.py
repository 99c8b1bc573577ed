"""The role of LambdaPattern's function: if a statement that MiniStack checks is missing, a call is denied."""

import json
from typing import Any

import pytest

from runtime.results import pointer_key
from tests.local.conftest import actions, eventually, lacking, logged, role_of, statements
from tests.support.images import corners, encode
from tests.support.privileges import NEEDS, denied_without, not_asked
from tools.drivers.lambda_pattern import LambdaDriver

PHOTO = encode(corners(60, 40), ".jpg")
WHO = "renditions"
BREAKS = denied_without(WHO)
NOT_ASKED = not_asked(WHO)
"""Statements that MiniStack does not check: it reads queues, writes logs and drops traces whatever the role
allows, and a PutObject with a tag needs no permission of its own there.
`test_the_function_may_do_just_what_is_listed_here` asserts these statements instead.
"""


def test_the_functions_role_has_the_statements_that_are_listed(driver: LambdaDriver) -> None:
    assert {
        actions(one)[0]
        for one in statements(driver.client, role_of(driver.client, driver.outputs["FunctionName"]))
    } == {*NEEDS[WHO]}


def life(driver: LambdaDriver, key: str) -> None:
    """Upload a photo; delete it once it has a pointer or the function has logged something about it."""
    driver.upload(key, PHOTO)
    eventually(lambda: shown(driver, key) or logged(driver, key))
    driver.s3.delete_object(Bucket=driver.source, Key=key)


def shown(driver: LambdaDriver, key: str) -> dict[str, Any]:
    return dict(json.loads(driver.read(pointer_key(key)) or b"{}"))


def denials(driver: LambdaDriver, key: str) -> set[str]:
    """Return the calls that were denied for a key."""
    messages = [json.loads(one["message"]) for one in logged(driver, key)]
    failed = [one["exception"] for one in messages if one["message"] == "Failed"]
    assert all("(AccessDenied)" in one for one in failed), failed
    return {one.partition("when calling the ")[2].partition(" operation")[0] for one in failed}


@pytest.mark.parametrize("action", BREAKS)
def test_without_a_statement_its_call_is_denied_and_with_it_again_nothing_was_lost(
    driver: LambdaDriver, action: str
) -> None:
    key = f"privileges/{action.partition(':')[2]}.jpg"
    with lacking(driver, action):
        life(driver, key)
        eventually(lambda: denials(driver, key))
    eventually(lambda: shown(driver, key).get("state") == "deleted")
    eventually(lambda: not driver.waiting(driver.outputs["Queue"]))
    assert BREAKS[action] in denials(driver, key)
    assert driver.waiting(driver.outputs["DeadLetters"]) == 0


@pytest.mark.parametrize("action", NOT_ASKED)
def test_nothing_is_denied_without_a_statement_that_ministack_does_not_check(
    driver: LambdaDriver, action: str
) -> None:
    """Once MiniStack checks the statement, this fails, and its entry in `NEEDS` should get a `call`."""
    key = f"privileges/{action.replace(':', '-')}.jpg"
    with lacking(driver, action):
        life(driver, key)
        eventually(lambda: shown(driver, key).get("state") == "deleted")
    assert denials(driver, key) == set()
