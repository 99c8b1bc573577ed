"""The stacks that feed a pattern with objects its bucket already had."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from stacks.backfill.object_batches import A_BATCH
from stacks.backfill.stack import FED, compose
from stacks.settings import Settings
from tests.synth.conftest import CONTEXT, Template, one_named, only, resources
from tests.synth.rules import RULES, STAGE_RULES
from tests.synth.rules import allowed as statements
from tests.synth.test_nag import findings


@pytest.fixture(scope="module", params=["sandbox", "production"])
def templates(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Template]:
    app = cdk.App(context=CONTEXT, outdir=str(tmp_path_factory.mktemp("backfill")))
    compose(app, Settings.from_context({**CONTEXT, "stage": request.param}))
    stacks = app.synth().stacks
    rules = (*RULES, STAGE_RULES[request.param])
    assert [finding for stack in stacks for rule in rules for finding in rule(stack.template)] == []
    return {stack.id: dict(stack.template) for stack in stacks}


def definition(template: Template) -> dict[str, Any]:
    """Return the state machine's definition, with `<...>` in place of what CloudFormation fills in."""
    joined = only(template, "AWS::StepFunctions::StateMachine")["DefinitionString"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else f"<{next(iter(part.values()))}>" for part in joined)
    return dict(json.loads(text.replace("['", "").replace("', 'Arn']", "")))


def actions(template: Template, *policies: str) -> dict[str, str]:
    """Return the resources, as JSON, of each action that these policies allow."""
    return {
        action: json.dumps(found)
        for name, listed, found, _ in statements(template)
        if name.startswith(policies)
        for action in listed
    }


def test_every_pattern_that_reads_uploads_from_a_queue_has_a_backfill(templates: dict[str, Template]) -> None:
    assert {*templates} == {f"{pattern}Backfill" for pattern in FED}


@pytest.mark.parametrize("pattern", FED)
def test_the_listing_goes_to_the_function_in_batches_one_after_the_other(
    templates: dict[str, Template], pattern: str
) -> None:
    template = templates[f"{pattern}Backfill"]
    objects = definition(template)["States"]["Objects"]
    assert objects["ItemReader"]["Parameters"] == {"Bucket": "<SourceBucket>", "Prefix.$": "$.prefix"}
    assert objects["ItemReader"]["Resource"].endswith(":states:::s3:listObjectsV2")
    batcher = {"MaxItemsPerBatch": A_BATCH, "BatchInput": {"at_once.$": "$.at_once"}}
    assert objects["ItemBatcher"] == batcher
    assert objects["MaxConcurrency"] == 1, "each batch fills the room that is left: two would exceed at_once"
    assert objects["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    reports, _ = one_named(template, "AWS::S3::Bucket", "Reports")
    assert objects["ResultWriter"]["Parameters"] == {"Bucket": f"<{reports}>", "Prefix": "runs"}


def test_what_is_left_of_a_batch_is_sent_by_the_next_call(templates: dict[str, Template]) -> None:
    states = definition(templates["LambdaPatternBackfill"])["States"]["Objects"]["ItemProcessor"]["States"]
    assert (states["Feed"]["Next"], states["Feed"]["OutputPath"]) == ("Left", "$.Payload")
    assert states["Left"]["Choices"] == [{"Variable": "$.Items[0]", "IsPresent": True, "Next": "Feed"}]
    assert states["Left"]["Default"] == "Fed"
    (retry,) = states["Feed"]["Retry"]
    assert retry["ErrorEquals"] == ["States.ALL"], "throttling of the function is retried too"


@pytest.mark.parametrize("pattern", FED)
def test_the_function_may_read_and_send_but_not_write(templates: dict[str, Template], pattern: str) -> None:
    template = templates[f"{pattern}Backfill"]
    allowed = actions(template, "FeederRole")
    expected = {"s3:GetObject", "s3:ListBucket", "sqs:GetQueueAttributes", "sqs:SendMessage"}
    expected |= {"dynamodb:Query"} if pattern == "HybridPattern" else set()
    ours = {action for action in allowed if not action.startswith(("logs:", "xray:"))}
    assert ours == expected
    assert all(f"/{prefix}/*" in allowed["s3:GetObject"] for prefix in ("latest", "rejected"))
    if pattern == "HybridPattern":
        assert "/index/open" in allowed["dynamodb:Query"]


@pytest.mark.parametrize("pattern", FED)
def test_the_state_machine_may_follow_its_own_children_and_write_reports_in_parts(
    templates: dict[str, Template], pattern: str
) -> None:
    template = templates[f"{pattern}Backfill"]
    allowed = actions(template, "BatchesRole", "BatchesChildren")
    (machine,) = resources(template, "AWS::StepFunctions::StateMachine")
    of_reports = {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
    of_children = {"states:DescribeExecution", "states:StopExecution"}
    others = {"lambda:InvokeFunction", "s3:ListBucket", "states:StartExecution"}
    assert {one for one in allowed if not one.startswith("xray:")} == of_reports | of_children | others
    reports, _ = one_named(template, "AWS::S3::Bucket", "Reports")
    objects = json.dumps([{"Fn::Join": ["", [{"Fn::GetAtt": [reports, "Arn"]}, "/runs/*"]]}])
    assert {allowed[action] for action in of_reports} == {objects}
    assert all(
        ":execution:" in allowed[action] and f'"{machine}", "Name"' in allowed[action]
        for action in of_children
    )


def test_each_backfill_has_parameters_for_the_outputs_of_its_pattern(templates: dict[str, Template]) -> None:
    for name, template in templates.items():
        told = {*FED[name.removesuffix("Backfill")]}
        assert told | {"BootstrapVersion"} == {*template["Parameters"]}
        assert not any("Default" in template["Parameters"][one] for one in told)
        _, function = one_named(template, "AWS::Lambda::Function", "Feeder")
        variables = function["Properties"]["Environment"]["Variables"]
        assert variables["QUEUE_URL"] == {"Ref": "Queue"}
        assert ("JOB_TABLE" in variables) is ("Hybrid" in name)


def test_the_state_machines_do_not_log_their_executions(
    templates: dict[str, Template],
) -> None:
    """Histories are kept for 90 days anyway, and the report says how each batch ended."""
    for template in templates.values():
        assert "LoggingConfiguration" not in only(template, "AWS::StepFunctions::StateMachine")


def test_an_alarm_says_that_a_run_failed(templates: dict[str, Template]) -> None:
    for template in templates.values():
        alarms = resources(template, "AWS::CloudWatch::Alarm").values()
        (failed,) = (
            one["Properties"] for one in alarms if one["Properties"].get("Namespace") == "AWS/States"
        )
        assert failed["MetricName"] == "ExecutionsFailed"
        assert "#backfill-failed" in failed["AlarmDescription"]


def test_aws_solutions_finds_nothing_that_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_VALIDATION", "true")
    app = cdk.App(context=CONTEXT, outdir=str(tmp_path))
    compose(app, Settings.from_context(CONTEXT))
    assert findings(app, tmp_path) == set()
