"""The stack for GitHub Actions: its role trusts one branch of one repository, and may assume three roles."""

import json
import re
from pathlib import Path

import aws_cdk as cdk
import pytest

from stacks.deploy_role import compose
from stacks.settings import Settings
from tests.synth.conftest import CONTEXT, Template, only, resources
from tests.synth.rules import RULES, STAGE_RULES
from tests.synth.test_nag import findings


@pytest.fixture(params=["sandbox", "production"])
def template(request: pytest.FixtureRequest, tmp_path: Path) -> Template:
    app = cdk.App(context=CONTEXT, outdir=str(tmp_path))
    compose(app, Settings.from_context({**CONTEXT, "stage": request.param}))
    (stack,) = app.synth().stacks
    found = [finding for rule in (*RULES, STAGE_RULES[request.param]) for finding in rule(stack.template)]
    assert found == []
    return dict(stack.template)


def test_it_trusts_one_branch_of_one_repository(template: Template) -> None:
    (statement,) = only(template, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    (equal,) = statement["Condition"].values()
    assert [*statement["Condition"]] == ["StringEquals"], "no pattern"
    subject = {"Fn::Join": ["", ["repo:", {"Ref": "Repository"}, ":ref:refs/heads/", {"Ref": "Branch"}]]}
    assert equal == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": subject,
    }
    assert "Default" not in template["Parameters"]["Repository"], "it is asked for"
    pattern = template["Parameters"]["Repository"]["AllowedPattern"]
    for name in ("example/images", "example@12/images@345", "some_one/a.b-c_d"):
        assert re.fullmatch(pattern, name)
    for name in ("*", "example/*", "example", "a/b/c", "a/b:c", "a@/b"):
        assert not re.fullmatch(pattern, name)


def test_it_may_assume_three_roles_of_the_bootstrap_and_nothing_else(template: Template) -> None:
    (statement,) = only(template, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    names = [json.dumps(one).split("cdk-hnb659fds-")[1].split("-role")[0] for one in statement["Resource"]]
    assert names == ["deploy", "file-publishing", "image-publishing"], "the one for lookups reads everything"


def test_the_identity_provider_is_made_unless_the_account_has_it(template: Template) -> None:
    ((_, provider),) = resources(template, "AWS::IAM::OIDCProvider").items()
    assert provider["Condition"] == "IsNew"
    assert provider["Properties"]["ClientIdList"] == ["sts.amazonaws.com"]
    assert template["Conditions"]["IsNew"] == {"Fn::Equals": [{"Ref": "Provider"}, "new"]}


def test_aws_solutions_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_VALIDATION", "true")
    app = cdk.App(context=CONTEXT, outdir=str(tmp_path))
    compose(app, Settings.from_context(CONTEXT))
    assert findings(app, tmp_path) == set()
