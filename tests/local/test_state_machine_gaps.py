"""Gaps in MiniStack's Distributed Map, and what the patches do instead, as AWS documents it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.local.conftest import eventually
from tests.local.making import package
from tools.local_aws.aws import ACCOUNT, REGION, LocalAws

pytestmark = pytest.mark.slow
LISTED = 7
ALL = {
    "s3": ["s3:ListBucket", "s3:PutObject"],
    "own": ["states:StartExecution"],
    "function": ["lambda:InvokeFunction"],
}
BATCHES = {
    "ItemSelector": {"key.$": "$$.Map.Item.Value.Key"},
    "ItemBatcher": {"MaxItemsPerBatch": 3, "BatchInput": {"at_once.$": "$.at_once"}},
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """A started execution."""

    aws: LocalAws
    arn: str
    bucket: str

    def described(self) -> dict[str, Any]:
        return dict(self.aws.client("stepfunctions").describe_execution(executionArn=self.arn))

    def ended(self) -> dict[str, Any]:
        return eventually(lambda: found if (found := self.described())["status"] != "RUNNING" else {})

    def map_run(self) -> dict[str, Any]:
        states = self.aws.client("stepfunctions")
        (one,) = eventually(lambda: states.list_map_runs(executionArn=self.arn)["mapRuns"])
        return dict(states.describe_map_run(mapRunArn=one["mapRunArn"]))

    def inputs(self) -> list[Any]:
        states = self.aws.client("stepfunctions")
        children = states.list_executions(mapRunArn=self.map_run()["mapRunArn"])["executions"]
        told = (states.describe_execution(executionArn=one["executionArn"])["input"] for one in children)
        return sorted((json.loads(one) for one in told), key=json.dumps)


def start(
    aws: LocalAws,
    state: Mapping[str, Any],
    states: Mapping[str, Any] | None = None,
    *,
    allowed: Mapping[str, Sequence[str]] = ALL,
) -> Run:
    """Start a Distributed Map over seven objects. allowed: what its role allows, by resource."""
    name = f"gap-{uuid4().hex[:8]}"
    s3, machines = aws.client("s3"), aws.client("stepfunctions")
    s3.create_bucket(Bucket=name)
    for number in range(LISTED):
        s3.put_object(Bucket=name, Key=f"in/{number}", Body=b"x")
    on = {
        "s3": f"arn:aws:s3:::{name}*",
        "own": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}",
        "function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*",
    }
    role = role_of(aws, name, "states")
    may = [
        {"Effect": "Allow", "Action": [*actions], "Resource": on[what]} for what, actions in allowed.items()
    ]
    aws.client("iam").put_role_policy(
        RoleName=name, PolicyName="may", PolicyDocument=json.dumps({"Statement": may})
    )
    child = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "One",
        "States": states or {"One": {"Type": "Pass", "End": True}},
    }
    whole = {
        "Type": "Map",
        "Label": "Objects",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:listObjectsV2",
            "Parameters": {"Bucket": name, "Prefix.$": "$.prefix"},
        },
        "MaxConcurrency": 1,
        "ItemProcessor": child,
        "End": True,
        **json.loads(json.dumps(state).replace("THE-BUCKET", name)),
    }
    definition = json.dumps({"StartAt": "Objects", "States": {"Objects": whole}})
    machine = machines.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]
    told = json.dumps({"prefix": "in/", "at_once": 2})
    arn = machines.start_execution(stateMachineArn=machine, input=told)["executionArn"]
    return Run(aws=aws, arn=arn, bucket=name)


def role_of(aws: LocalAws, name: str, service: str) -> str:
    """Return the ARN of a new role that the service may assume."""
    principal = {"Service": f"{service}.amazonaws.com"}
    trust = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    made = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return str(made["Role"]["Arn"])


def calling(aws: LocalAws, answer: str) -> dict[str, Any]:
    """Create a function that returns the expression `answer`; return states for a child that calls it."""
    name = f"gap-{uuid4().hex[:8]}"
    aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role_of(aws, name, "lambda"),
        Handler="handler.handler",
        Code={"ZipFile": package(answer)},
        Timeout=60,
    )
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    call = {"FunctionName": arn, "Payload.$": "$"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": call, "End": True}
    return {"One": task}


def test_ministack_gives_a_child_one_item_instead_of_a_batch_until_patched(
    bare: LocalAws, patched: LocalAws
) -> None:
    assert start(bare, BATCHES).ended()["status"] == "SUCCEEDED"
    assert len(start(bare, BATCHES).inputs()) == LISTED
    run = start(patched, BATCHES)
    assert json.loads(run.ended()["output"]) == run.inputs(), "what the children said"
    keys = [[{"key": f"in/{number}"} for number in batch] for batch in ((0, 1, 2), (3, 4, 5), (6,))]
    assert run.inputs() == [{"BatchInput": {"at_once": 2}, "Items": items} for items in keys]
    found = run.map_run()
    assert (found["executionCounts"]["succeeded"], found["executionCounts"]["total"]) == (3, 3)
    assert (found["itemCounts"]["succeeded"], found["itemCounts"]["total"]) == (LISTED, LISTED)


WRITER = {
    "ResultWriter": {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "THE-BUCKET", "Prefix": "runs"},
    }
}


def test_ministack_writes_no_results_to_a_bucket_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    assert len(json.loads(start(bare, WRITER).ended()["output"])) == LISTED
    failing = calling(patched, "event['Items'][2] and event")  # the last batch has only one item
    state = {**BATCHES, **WRITER, "ToleratedFailurePercentage": 50}
    run = start(patched, state, failing)
    output = json.loads(run.ended()["output"])
    assert output["MapRunArn"] == run.map_run()["mapRunArn"]
    place, s3 = output["ResultWriterDetails"], patched.client("s3")
    assert place["Bucket"] == run.bucket
    manifest = json.loads(s3.get_object(Bucket=run.bucket, Key=place["Key"])["Body"].read())
    assert manifest["ResultFiles"]["PENDING"] == []
    read = {}
    for status in ("SUCCEEDED", "FAILED"):
        (file,) = manifest["ResultFiles"][status]
        read[status] = json.loads(s3.get_object(Bucket=run.bucket, Key=file["Key"])["Body"].read())
    assert [json.loads(one["Output"])["StatusCode"] for one in read["SUCCEEDED"]] == [200, 200]
    (failed,) = read["FAILED"]
    assert "list index out of range" in failed["Cause"]
    assert json.loads(failed["Input"])["Items"] == [{"key": "in/6"}]


def test_ministack_goes_on_with_a_stopped_map_run_until_patched(bare: LocalAws, patched: LocalAws) -> None:
    slow = "__import__('time').sleep(1) or {}"
    assert stopped(bare, slow)["executionCounts"]["succeeded"] == LISTED
    found = stopped(patched, slow)
    assert found["executionCounts"]["succeeded"] < LISTED
    assert found["status"] == "ABORTED"
    assert found["itemCounts"]["aborted"] > 0


def stopped(aws: LocalAws, answer: str) -> dict[str, Any]:
    """Return the ended map run of an execution that was stopped after its first child."""
    run = start(aws, {"ItemBatcher": {"MaxItemsPerBatch": 1}}, calling(aws, answer))
    eventually(lambda: run.map_run()["executionCounts"]["succeeded"])
    aws.client("stepfunctions").stop_execution(executionArn=run.arn)
    assert run.ended()["status"] == "ABORTED"
    return eventually(lambda: found if (found := run.map_run())["status"] != "RUNNING" else {})


@pytest.mark.parametrize(
    "action", ["s3:ListBucket", "s3:PutObject", "states:StartExecution", "lambda:InvokeFunction"]
)
def test_ministack_checks_no_state_machines_role_until_patched(
    bare: LocalAws, patched: LocalAws, action: str
) -> None:
    less = {
        what: [one for one in actions if one != action] or ["s3:Nothing"] for what, actions in ALL.items()
    }
    for aws, status in ((bare, "SUCCEEDED"), (patched, "FAILED")):
        states = calling(aws, "event")
        assert start(aws, WRITER, states, allowed=less).ended()["status"] == status
    assert start(patched, WRITER, calling(patched, "event")).ended()["status"] == "SUCCEEDED"
