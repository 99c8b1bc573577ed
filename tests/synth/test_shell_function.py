"""The stack of examples/any_language follows the rules for all other stacks."""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from examples.any_language.app import compose
from stacks.settings import Settings
from tests.support.settings import SETTINGS, complete
from tests.synth.conftest import CONTEXT, Template, only, resources
from tests.synth.rules import RULES, STAGE_RULES
from tests.synth.test_nag import findings
from tests.synth.test_runbooks import ENTRIES


def template(folder: Path, settings: dict[str, str]) -> Template:
    app = cdk.App(context=CONTEXT, outdir=str(folder))
    compose(app, Settings.from_context({**CONTEXT, **complete(settings)}))
    (stack,) = app.synth().stacks
    return dict(stack.template)


@pytest.mark.parametrize("stage", ["sandbox", "production"])
def test_it_keeps_every_rule(tmp_path: Path, stage: str) -> None:
    for settings in (row for row in SETTINGS if row["stage"] == stage):
        made = template(tmp_path, settings)
        found = [*(finding for rule in (*RULES, STAGE_RULES[stage]) for finding in rule(made))]
        assert found == []
        alarms = resources(made, "AWS::CloudWatch::Alarm").values()
        anchors = {one["Properties"]["AlarmDescription"].partition("runbooks.md#")[2] for one in alarms}
        assert anchors <= {*ENTRIES}


def test_aws_solutions_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_VALIDATION", "true")
    app = cdk.App(context=CONTEXT, outdir=str(tmp_path))
    compose(app, Settings.from_context(CONTEXT))
    assert findings(app, tmp_path) == set()


def test_its_package_is_the_shell_and_the_program_alone(tmp_path: Path) -> None:
    made = template(tmp_path, SETTINGS[0])
    (function,) = (
        one
        for one in made["Resources"].values()
        if one["Type"] == "AWS::Lambda::Function" and one["Properties"]["Runtime"] == "provided.al2023"
    )
    asset = tmp_path / f"asset.{function['Properties']['Code']['S3Key'].removesuffix('.zip')}"
    names = {path.name for path in asset.iterdir()}
    assert names == {"bootstrap", "json.awk", "lines.sh", "s3.sh", "texts.sh"}
    for name in ("bootstrap", "lines.sh"):
        assert (asset / name).stat().st_mode & 0o111
    assert "Ref" in json.dumps(function["Properties"]["Environment"])
    assert only(made, "AWS::Lambda::EventSourceMapping")["BatchSize"] == 1
