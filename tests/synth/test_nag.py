"""cdk-nag's AwsSolutions over every template, and what was acknowledged."""

import json
from pathlib import Path

import aws_cdk as cdk
import aws_cdk.aws_s3 as s3
import pytest
from cdk_nag import AwsSolutionsChecks

from stacks.lambda_pattern import LambdaPattern
from stacks.settings import Settings
from tests.synth.conftest import CONTEXT
from tests.synth.test_rules import SETTINGS


def app_with_every_setting(outdir: Path) -> cdk.App:
    """One stack a set of settings, so that one validation sees them all."""
    app = cdk.App(context=CONTEXT, outdir=str(outdir))
    for number, settings in enumerate(SETTINGS):
        LambdaPattern(app, f"Stack{number}", settings=Settings.from_context({**CONTEXT, **settings}))
    return app


def findings(app: cdk.App, outdir: Path) -> set[tuple[str, str]]:
    """Rule and resource of everything that AwsSolutions finds."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    return {
        (violation["ruleName"], construct["constructPath"])
        for report in json.loads((outdir / "validation-report.json").read_text())["pluginReports"]
        for violation in report["violations"]
        for construct in violation["violatingConstructs"]
    }


@pytest.fixture(autouse=True)
def validated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_VALIDATION", "true")


def test_aws_solutions_finds_nothing_with_any_settings(tmp_path: Path) -> None:
    assert findings(app_with_every_setting(tmp_path), tmp_path) == set()


def test_aws_solutions_would_find_what_is_not_acknowledged(tmp_path: Path) -> None:
    app = app_with_every_setting(tmp_path)
    s3.Bucket(cdk.Stack(app, "Careless"), "Bucket", enforce_ssl=True)
    assert findings(app, tmp_path) == {("AwsSolutions-S1", "Careless/Bucket/Resource")}


def test_every_acknowledgement_covers_one_resource_and_has_its_reason(tmp_path: Path) -> None:
    acknowledged = {
        (construct.node.path.partition("/")[2], rule): reason
        for construct in app_with_every_setting(tmp_path).node.find_all()
        for entry in construct.node.metadata
        if entry.type == cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
        for rule, reason in entry.data.items()
        if isinstance(construct, cdk.CfnResource) or pytest.fail(f"{construct.node.path} is no resource")
    }
    policy = "FunctionRole/DefaultPolicy/Resource"
    assert {(path, rule.partition("[")[0].rpartition("-")[2]) for path, rule in acknowledged} == {
        ("Source/Resource", "S1"),
        ("Output/Resource", "S1"),
        ("Uploads/Undelivered/Resource", "SQS3"),
        ("Function/Resource", "L1"),
        (policy, "IAM5"),
    }
    assert all(len(reason) > 20 for reason in acknowledged.values())
