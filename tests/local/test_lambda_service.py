"""LambdaService's template, deployed by the real CDK CLI: CloudFront, and a function that really runs."""

import json
import re
from urllib.parse import quote

import pytest
import pyvips

from tests.local.conftest import Deployment, actions, role_of, statements, without
from tests.service.conftest import SQUARES, squares
from tests.support.images import encode, noise
from tests.support.privileges import NEEDS, denied_without
from tests.support.validation import check_by_validator
from tools.drivers.lambda_service import FunctionDriver
from tools.local_aws.deployment import Cdk

KEYS = ("a b/é+1.jpg", "100%25 & more?.jpg", "a%2Fb.jpg", "日本/図.jpg")
UNSEEN = "unseen.jpg"
"""An identifier not requested before: for a minute, the function serves a cached source without asking S3."""


@pytest.fixture(scope="module", autouse=True)
def images(answering: FunctionDriver) -> None:
    answering.upload(SQUARES, squares())
    for key in (*KEYS, UNSEEN):
        answering.upload(key, encode(noise(900, 600), ".jpg"))
    answering.upload("large.png", encode(noise(2600, 2000), ".png"))


def test_the_validator_passes_against_the_function_too(
    answering: FunctionDriver, deployment: Deployment
) -> None:
    endpoint = deployment.aws.url.removeprefix("http://")
    address = json.loads(answering.describe(SQUARES).body)["id"]
    check_by_validator(address.rpartition("/")[0], SQUARES, endpoint)


@pytest.mark.parametrize("key", KEYS)
def test_an_identifier_names_one_image_and_its_id_has_the_viewers_host(
    answering: FunctionDriver, key: str
) -> None:
    answer = answering.describe(key)
    assert (answer.status, json.loads(answer.body)["width"]) == (200, 900)
    assert re.sub("@[0-9a-f]{16}", "", json.loads(answer.body)["id"]) == (
        f"{answering.outputs['Url']}{answering.image(key)}"
    )
    made = answering.get(f"{answering.image(key)}/full/90,/0/default.webp")
    assert pyvips.Image.new_from_buffer(made.body, "").width == 90


def test_a_missing_image_is_a_404_and_an_answer_that_is_too_large_is_a_400(answering: FunctionDriver) -> None:
    missing = answering.describe("none")
    assert (missing.status, missing.headers["cache-control"]) == (404, "no-store")
    large = answering.get(f"{answering.image('large.png')}/full/max/0/default.png")
    assert large.status == 400
    assert "4,700,000 bytes" in large.body.decode()
    assert answering.get(f"{answering.image('large.png')}/full/1000,/0/default.png").status == 200


def test_without_cloudfront_the_function_url_answers_nobody(
    answering: FunctionDriver, deployment: Deployment
) -> None:
    (url,) = answering.client("lambda").list_function_url_configs(FunctionName=answering.function)[
        "FunctionUrlConfigs"
    ]
    host = url["FunctionUrl"].removeprefix("https://").rstrip("/")
    direct = FunctionDriver(
        client=answering.client, outputs={"Url": f"https://{host}"}, endpoint=deployment.aws.url
    )
    assert direct.get(f"{answering.image(KEYS[0])}/info.json").status == 403


def test_the_functions_role_has_the_statements_that_are_listed(answering: FunctionDriver) -> None:
    role = role_of(answering.client, answering.function)
    assert {actions(one)[0] for one in statements(answering.client, role)} == {*NEEDS["iiif"]}


@pytest.mark.parametrize("action", denied_without("iiif"))
def test_without_a_statement_an_image_is_an_error(answering: FunctionDriver, action: str) -> None:
    path = f"{answering.image(UNSEEN)}/full/{{}},/0/default.jpg"
    with without(answering.client, role_of(answering.client, answering.function), action):
        answer = answering.get(path.format(31))
        assert answer.status == 502
        assert "AccessDenied" in answer.body.decode()
    assert answering.get(path.format(32)).status == 200


@pytest.mark.slow
def test_warm_changes_neither_the_url_nor_what_it_answers(
    answering: FunctionDriver, deployment: Deployment
) -> None:
    lambda_ = answering.client("lambda")

    def url() -> str:
        found = lambda_.get_function_url_config(FunctionName=answering.function, Qualifier="live")
        return str(found["FunctionUrl"])

    before = url()
    for warm in ("snapstart", "provisioned", "off"):
        cdk = Cdk(aws=deployment.aws, folder=deployment.cdk.folder, context=[f"warm={warm}"])
        assert cdk.deploy("LambdaService")["LambdaService"] == answering.outputs
        assert url() == before
        path = f"{answering.image(KEYS[0])}/full/{len(warm) + 50},/0/default.jpg"
        assert answering.get(path).status == 200


def test_a_viewer_may_write_a_path_in_several_ways(answering: FunctionDriver) -> None:
    """All these paths name the same identifier: https://iiif.io/api/image/3.0/#9-uri-encoding-and-decoding"""
    key = KEYS[0]
    for identifier in (quote(key, safe=""), quote(key, safe="+"), quote(key, safe="").lower()):
        assert answering.get(f"/iiif/3/{identifier}/full/40,/0/default.jpg").status == 200
