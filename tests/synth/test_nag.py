"""cdk-nag's AwsSolutions reports nothing for any template, and each acknowledgement has a reason."""

import json
from collections import defaultdict
from pathlib import Path

import aws_cdk as cdk
import aws_cdk.aws_s3 as s3
import pytest
from cdk_nag import AwsSolutionsChecks
from constructs import Construct, IConstruct

from app import compose
from stacks.settings import Settings
from tests.support.settings import SETTINGS, complete
from tests.synth.conftest import CONTEXT


def app_with_every_setting(outdir: Path) -> cdk.App:
    """Create all stacks for each set of settings, so that one validation covers them all."""
    app = cdk.App(context=CONTEXT, outdir=str(outdir))
    for number, settings in enumerate(SETTINGS):
        context = {**CONTEXT, **complete(settings), "prefix": f"s{number}"}
        compose(Construct(app, f"S{number}"), Settings.from_context(context))
    return app


def findings(app: cdk.App, outdir: Path) -> set[tuple[str, str]]:
    """Return rule and resource of every finding of AwsSolutions."""
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


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> cdk.App:
    return app_with_every_setting(tmp_path_factory.mktemp("nag"))


def test_aws_solutions_finds_nothing_with_any_settings(app: cdk.App) -> None:
    assert findings(app, Path(app.outdir)) == set()


@pytest.mark.slow
def test_aws_solutions_would_find_what_is_not_acknowledged(tmp_path: Path) -> None:
    app = app_with_every_setting(tmp_path)
    s3.Bucket(cdk.Stack(app, "Careless"), "Bucket", enforce_ssl=True)
    assert findings(app, tmp_path) == {("AwsSolutions-S1", "Careless/Bucket/Resource")}


def is_one_resource(construct: IConstruct) -> bool:
    assert isinstance(construct, cdk.CfnResource), construct.node.path
    return True


def test_every_acknowledgement_covers_one_resource_and_has_its_reason(app: cdk.App) -> None:
    acknowledged = {
        (construct.node.path, rule): reason
        for construct in app.node.find_all()
        for entry in construct.node.metadata
        if entry.type == cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
        for rule, reason in entry.data.items()
        # The CDK itself acknowledges rules of CloudFormation-Validate for its own constructs.
        if not rule.startswith("CloudFormation-Validate::") and is_one_resource(construct)
    }
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for path, rule in acknowledged:
        _, stack, resource = path.split("/", 2)
        kind = rule.partition("[")[0].rpartition("-")[2]
        found[stack].add((resource.removesuffix("/Resource"), kind))
    assert found == EXPECTED
    assert all(len(reason) > 20 for reason in acknowledged.values())


DISTRIBUTION = "FrontDoor/Distribution"
WORKER_TASK = "Worker/WorkerTask"
EXPECTED = {
    "Network": {("Vpc", "VPC7"), ("FlowLogs", "S1"), ("Endpoints", "EC23")},
    "LambdaPattern": {
        ("Source", "S1"),
        ("Output", "S1"),
        ("Uploads/Undelivered", "SQS3"),
        ("Function", "L1"),
        ("FunctionRole/DefaultPolicy", "IAM5"),
    },
    "FargatePattern": {
        ("Source", "S1"),
        ("FrontDoor/AccessLogs", "S1"),
        ("FrontDoor/Group", "EC23"),
        *((DISTRIBUTION, f"CFR{number}") for number in (1, 2, 3, 4)),
        ("Cluster", "ECS4"),
        ("ServiceTask", "ECS2"),
        ("ServiceTask/ExecutionRole/DefaultPolicy", "IAM5"),
        ("ServiceTask/TaskRole/DefaultPolicy", "IAM5"),
        ("Canary/Role/DefaultPolicy", "IAM5"),
    },
    "LambdaService": {
        ("Source", "S1"),
        *((DISTRIBUTION, f"CFR{number}") for number in (1, 2, 3, 4)),
        ("Function", "L1"),
        ("FunctionRole/DefaultPolicy", "IAM5"),
    },
    "StreamPattern": {
        ("SetAside", "S1"),
        ("Views", "DDB3"),
        ("Function", "L1"),
        ("FunctionRole/DefaultPolicy", "IAM5"),
    },
    "QueuePattern": {
        ("Source", "S1"),
        ("Output", "S1"),
        *(("Tiles", f"CFR{number}") for number in (1, 2, 3, 4)),
        ("Uploads/Undelivered", "SQS3"),
        ("Cluster", "ECS4"),
        ("WorkerTask", "ECS2"),
        ("WorkerTask/ExecutionRole/DefaultPolicy", "IAM5"),
        ("WorkerTask/TaskRole/DefaultPolicy", "IAM5"),
    },
    "HybridPattern": {
        ("Source", "S1"),
        ("Output", "S1"),
        *(("Tiles", f"CFR{number}") for number in (1, 2, 3, 4)),
        ("Jobs", "DDB3"),
        ("Worker/Cluster", "ECS4"),
        (WORKER_TASK, "ECS2"),
        (f"{WORKER_TASK}/ExecutionRole/DefaultPolicy", "IAM5"),
        (f"{WORKER_TASK}/TaskRole/DefaultPolicy", "IAM5"),
        *((f"{queue}/Undelivered", "SQS3") for queue in ("Uploads", "Stops")),
        *((function, "L1") for function in ("Dispatcher", "Tracker")),
        *((f"{function}Role/DefaultPolicy", "IAM5") for function in ("Dispatcher", "Tracker")),
    },
}
