"""LambdaService's template: who may invoke the function, by which URL, and what is kept warm."""

import json
import shutil
import subprocess
from typing import Any
from urllib.parse import quote

import pytest

from container.service.environment import ServiceEnvironment
from lambda_src.iiif.viewer import viewers_path
from stacks.imports import ROOT, closure
from stacks.lambda_service.cloudfront_to_function import REWRITE
from stacks.settings import Settings
from tests.synth.conftest import Synth, Template, one_named, only, resources

STACK = "LambdaService"
WARM = ("off", "provisioned", "snapstart")
CLOUDFRONT = "cloudfront.amazonaws.com"
PATHS = (
    "/",
    "/iiif/3/a/info.json",
    "/iiif/3/" + quote("folder/é %2F+&=?.jpg", safe="") + "/full/max/0/a.jpg",
)


@pytest.fixture(scope="module")
def template(synth: Synth) -> Template:
    return synth(STACK)


def environment(template: Template) -> dict[str, Any]:
    _, function = one_named(template, "AWS::Lambda::Function", "Function")
    return dict(function["Properties"]["Environment"]["Variables"])


def behaviors(template: Template) -> list[dict[str, Any]]:
    config = only(template, "AWS::CloudFront::Distribution")["DistributionConfig"]
    return [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]


@pytest.mark.parametrize("warm", WARM)
def test_the_url_belongs_to_an_alias_that_is_always_there(
    synth: Synth, template: Template, warm: str
) -> None:
    made = synth(STACK, warm=warm)
    url = only(made, "AWS::Lambda::Url")
    assert url == only(template, "AWS::Lambda::Url")
    assert (url["AuthType"], url["Qualifier"]) == ("AWS_IAM", "live")
    (alias,) = resources(made, "AWS::Lambda::Alias").values()
    kept = alias["Properties"].get("ProvisionedConcurrencyConfig")
    assert kept == ({"ProvisionedConcurrentExecutions": 1} if warm == "provisioned" else None)
    _, function = one_named(made, "AWS::Lambda::Function", "Function")
    snapped = function["Properties"].get("SnapStart")
    assert snapped == ({"ApplyOn": "PublishedVersions"} if warm == "snapstart" else None)


def test_this_distribution_may_call_the_alias_by_its_url_and_nobody_else_may(template: Template) -> None:
    (alias,), (distribution,) = (
        resources(template, kind) for kind in ("AWS::Lambda::Alias", "AWS::CloudFront::Distribution")
    )
    permissions = [one["Properties"] for one in resources(template, "AWS::Lambda::Permission").values()]
    assert {one["Principal"] for one in permissions} == {CLOUDFRONT}
    for one in permissions:
        assert {"Ref": distribution} in one["SourceArn"]["Fn::Join"][1]
    of_alias = [one for one in permissions if one["FunctionName"] == {"Ref": alias}]
    assert {one["Action"]: one.get("InvokedViaFunctionUrl") for one in of_alias} == {
        "lambda:InvokeFunctionUrl": None,
        "lambda:InvokeFunction": True,
    }


def test_cloudfront_signs_what_it_asks_and_waits_longer_than_the_service(template: Template) -> None:
    (origin,) = only(template, "AWS::CloudFront::Distribution")["DistributionConfig"]["Origins"]
    (access,) = resources(template, "AWS::CloudFront::OriginAccessControl")
    assert origin["OriginAccessControlId"] == {"Fn::GetAtt": [access, "Id"]}
    asked = only(template, "AWS::CloudFront::OriginAccessControl")["OriginAccessControlConfig"]
    kinds = ("OriginAccessControlOriginType", "SigningBehavior", "SigningProtocol")
    assert [asked[kind] for kind in kinds] == ["lambda", "always", "sigv4"]
    _, function = one_named(template, "AWS::Lambda::Function", "Function")
    timeout = function["Properties"]["Timeout"]
    assert (
        ServiceEnvironment().deadline_seconds < timeout <= origin["CustomOriginConfig"]["OriginReadTimeout"]
    )
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"


def test_the_viewers_host_reaches_the_function_and_is_part_of_what_is_cached(template: Template) -> None:
    (rewrite,) = resources(template, "AWS::CloudFront::Function")
    policies = resources(template, "AWS::CloudFront::CachePolicy")
    for behavior, headers in zip(
        behaviors(template), (["x-forwarded-host"], ["x-forwarded-host", "Accept"]), strict=True
    ):
        (association,) = behavior["FunctionAssociations"]
        assert association == {
            "EventType": "viewer-request",
            "FunctionARN": {"Fn::GetAtt": [rewrite, "FunctionARN"]},
        }
        policy = policies[behavior["CachePolicyId"]["Ref"]]["Properties"]["CachePolicyConfig"]
        by = policy["ParametersInCacheKeyAndForwardedToOrigin"]
        assert by["HeadersConfig"] == {"HeaderBehavior": "whitelist", "Headers": headers}
    told = environment(template)
    assert told["TRUST_FORWARDED_HOST"] == "on"
    assert "PUBLIC_BASE_URL" not in told


@pytest.mark.parametrize("path", PATHS)
def test_our_function_reads_the_path_that_cloudfronts_function_writes(path: str) -> None:
    node = shutil.which("node")
    assert node
    event = {"request": {"uri": path, "headers": {"host": {"value": "images.example.com"}}}}
    code = f"{REWRITE.read_text()}\nconsole.log(JSON.stringify(handler({json.dumps(event)})))"
    done = subprocess.run([node, "-e", code], capture_output=True, text=True, check=True)
    request = json.loads(done.stdout)
    assert viewers_path(request["uri"]) == path
    assert set(request["uri"]) <= {*"/-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}
    assert request["headers"]["x-forwarded-host"] == {"value": "images.example.com"}


def test_an_answer_fits_into_six_megabytes_with_room_for_its_headers(template: Template) -> None:
    """Lambda's limits: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    most = int(environment(template)["MAX_ANSWER_BYTES"])
    assert 6 * 2**20 - 4 * most / 3 > 16_000


def test_the_cache_holds_the_largest_image_in_a_43_mib_file_and_leaves_a_gigabyte_to_decode(
    template: Template,
) -> None:
    read = ServiceEnvironment.from_variables({**environment(template), "SOURCE_BUCKET": "source"})
    assert 5.33 * read.max_pixels + 43 * 2**20 <= read.cache_mb * 2**20
    _, function = one_named(template, "AWS::Lambda::Function", "Function")
    left = function["Properties"]["MemorySize"] - read.cache_mb - read.spare_mb
    assert left * 2**20 > 1e9


def test_with_a_snapshot_no_client_reads_credentials_from_the_environment() -> None:
    """With SnapStart, Lambda sets no access keys in the environment, where runtime/slim_s3.py reads them.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html
    """
    assert ROOT / "runtime" / "slim_s3.py" not in closure("lambda_src.iiif.handler")


def test_the_function_reads_images_and_nothing_else(template: Template) -> None:
    (source,) = resources(template, "AWS::S3::Bucket")
    arn = {"Fn::GetAtt": [source, "Arn"]}
    _, policy = one_named(template, "AWS::IAM::Policy", "FunctionRole")
    said = policy["Properties"]["PolicyDocument"]["Statement"]
    assert [one["Resource"] for one in said if one["Action"] == "s3:ListBucket"] == [arn]
    assert [one["Resource"] for one in said if one["Action"] == "s3:GetObject"] == [
        {"Fn::Join": ["", [arn, "/*"]]}
    ]
    s3 = {one["Action"] for one in said if str(one["Action"]).startswith("s3:")}
    assert s3 == {"s3:ListBucket", "s3:GetObject"}


def test_a_domain_does_not_become_an_alias_of_this_distribution(synth: Synth) -> None:
    certificate = "arn:aws:acm:us-east-1:111111111111:certificate/11111111-2222-3333-4444-555555555555"
    named = synth(STACK, domain="images.example.com", certificate_arn=certificate)
    assert "Aliases" not in only(named, "AWS::CloudFront::Distribution")["DistributionConfig"]


def test_nothing_is_kept_warm_unless_it_is_asked_for() -> None:
    assert Settings().warm == "off"
