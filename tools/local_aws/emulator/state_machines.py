"""Patches for gaps in MiniStack's Step Functions: Distributed Map, and a role's permissions."""

import copy
import json
import uuid
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import s3, stepfunctions

State = dict[str, Any]
READS = ("ItemReader", "ItemSelector", "Parameters", "ItemBatcher", "ResultWriter")
RESULTS = ("ResultSelector", "ResultPath", "OutputPath")
ABORTED = "States.Aborted"
ITEMS: dict[str, int] = {}
"""Number of items by execution ARN, for executions whose children get batches."""


def run_children_on_batches() -> None:
    """Pass many items to a child execution, as ItemBatcher does; MiniStack passes one."""
    run, view = stepfunctions._run_distributed_map, stepfunctions._map_run_view

    def run_batches(
        state: State, raw: Any, told: Any, children: State, execution: State, context: Any
    ) -> Any:
        if "ItemBatcher" not in state:
            return run(state, raw, told, children, execution, context)
        batcher = state["ItemBatcher"]
        items = [_selected(state, told, context, *one) for one in enumerate(_items(state, told, context))]
        shared = stepfunctions._resolve_params_obj(batcher.get("BatchInput") or {}, told, context)
        most = int(batcher["MaxItemsPerBatch"])
        batches = [
            {**({"BatchInput": shared} if shared else {}), "Items": items[start : start + most]}
            for start in range(0, len(items), most)
        ]
        plain = {name: value for name, value in state.items() if name not in (*READS, *RESULTS)}
        plain["ItemsPath"] = "$"
        ITEMS[execution["executionArn"]] = len(items)
        results, _ = run(plain, batches, batches, children, execution, context)
        return _left(state, raw, results, context)

    def view_by_items(found: State) -> State:
        told: State = view(found)
        if found["executionArn"] not in ITEMS:
            return told
        ended = dict.fromkeys(told["itemCounts"], 0)
        for child in _children(found):
            ended[child["status"].lower()] += len(json.loads(child["input"])["Items"])
        total = ITEMS[found["executionArn"]]
        return {**told, "itemCounts": {**ended, "total": total, "pending": total - sum(ended.values())}}

    stepfunctions._run_distributed_map, stepfunctions._map_run_view = run_batches, view_by_items


def write_the_results_of_map_runs() -> None:
    """Write the children's results to a bucket, as ResultWriter does; MiniStack makes them the output."""
    run = stepfunctions._run_distributed_map

    def run_and_write(
        state: State, raw: Any, told: Any, children: State, execution: State, context: Any
    ) -> Any:
        writer = state.get("ResultWriter")
        if not writer:
            return run(state, raw, told, children, execution, context)
        place = stepfunctions._resolve_params_obj(writer["Parameters"], told, context)
        before = set(stepfunctions._map_runs)
        plain = {name: value for name, value in state.items() if name not in ("ResultWriter", *RESULTS)}
        written = {}
        try:
            run(plain, raw, told, children, execution, context)
        finally:
            for arn in set(stepfunctions._map_runs) - before:
                found = stepfunctions._map_runs[arn]
                if found["executionArn"] == execution["executionArn"] and execution["status"] != "ABORTED":
                    _authorize(
                        execution, "s3:PutObject", f"arn:aws:s3:::{place['Bucket']}/{place['Prefix']}/"
                    )
                    config = writer.get("WriterConfig") or {}
                    key = _write(found, place["Bucket"], f"{place['Prefix']}/{uuid.uuid4()}", config)
                    written = {
                        "MapRunArn": arn,
                        "ResultWriterDetails": {"Bucket": place["Bucket"], "Key": key},
                    }
        return _left(state, raw, written, context)

    stepfunctions._run_distributed_map = run_and_write


def stop_a_map_run_with_its_execution() -> None:
    """Let StopExecution stop child executions too; in MiniStack they continue to the last item."""
    run, task = stepfunctions._run_distributed_map, stepfunctions._execute_task

    def run_until_stopped(
        state: State, raw: Any, told: Any, children: State, execution: State, context: Any
    ) -> Any:
        before = set(stepfunctions._map_runs)
        try:
            return run(state, raw, told, children, execution, context)
        finally:
            for arn in set(stepfunctions._map_runs) - before:
                found = stepfunctions._map_runs[arn]
                if execution["status"] == "ABORTED" and found["executionArn"] == execution["executionArn"]:
                    found["status"] = "ABORTED"
                    for child in _children(found):
                        if child.get("error") == ABORTED:
                            child["status"] = "ABORTED"

    def do_unless_stopped(state: State, raw: Any, execution: State, context: Any) -> Any:
        map_run = stepfunctions._map_runs.get(execution.get("mapRunArn", ""))
        if map_run and stepfunctions._executions[map_run["executionArn"]]["status"] == "ABORTED":
            raise stepfunctions._ExecutionError(ABORTED, "The execution was stopped.")
        return task(state, raw, execution, context)

    stepfunctions._run_distributed_map, stepfunctions._execute_task = run_until_stopped, do_unless_stopped


def authorize_state_machines_by_their_role() -> None:
    """Authorize a state machine's calls by its role; MiniStack lets it call anything."""
    run, task = stepfunctions._run_distributed_map, stepfunctions._execute_task

    def run_if_allowed(
        state: State, raw: Any, told: Any, children: State, execution: State, context: Any
    ) -> Any:
        reader = state.get("ItemReader") or {}
        asked = stepfunctions._resolve_params_obj(reader.get("Parameters") or {}, told, context)
        _authorize(execution, "states:StartExecution", _machine(execution))
        if str(reader.get("Resource")).endswith("s3:listObjectsV2"):
            _authorize(execution, "s3:ListBucket", f"arn:aws:s3:::{asked['Bucket']}")
        return run(state, raw, told, children, execution, context)

    def do_if_allowed(state: State, raw: Any, execution: State, context: Any) -> Any:
        if str(state.get("Resource")).endswith(":states:::lambda:invoke"):
            told = stepfunctions._apply_parameters(state, raw, context)
            _authorize(execution, "lambda:InvokeFunction", told["FunctionName"])
        return task(state, raw, execution, context)

    stepfunctions._run_distributed_map, stepfunctions._execute_task = run_if_allowed, do_if_allowed


def _machine(execution: State) -> str:
    """Return the ARN of an execution's state machine, even if it is a child execution."""
    return str(execution["stateMachineArn"]).partition("/")[0]


def _authorize(execution: State, action: str, resource: str) -> None:
    role = stepfunctions._state_machines[_machine(execution)]["roleArn"]
    account, session = get_account_id(), role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
    asked = iam_evaluator.EvalContext(
        principal_arn=f"{session}/state-machine",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={},
        principal_keys={},
    )
    policies = iam_evaluator._gather_role_policies(role.rsplit("/", 1)[-1], account)
    if iam_evaluator.evaluate(asked, policies).decision != "Allow":
        said = f"{role} is not authorized to perform: {action} on resource: {resource}"
        raise stepfunctions._ExecutionError("States.Permissions", said)


def _items(state: State, told: Any, context: Any) -> list[Any]:
    if "ItemReader" in state:
        return list(stepfunctions._read_map_items(state["ItemReader"], told, context))
    return list(stepfunctions._resolve_path_or_ctx(state.get("ItemsPath", "$"), told, context))


def _selected(state: State, told: Any, context: Any, index: int, item: Any) -> Any:
    selector = state.get("ItemSelector") or state.get("Parameters")
    here = {**copy.deepcopy(context), "Map": {"Item": {"Index": index, "Value": item}}}
    return stepfunctions._resolve_params_obj(selector, told, here) if selector else item


def _left(state: State, raw: Any, results: Any, context: Any) -> Any:
    """Return the state's output and the next state, as MiniStack does when a state ends."""
    result = stepfunctions._apply_result_selector(state, results)
    output = stepfunctions._apply_result_path(state, raw, result)
    return stepfunctions._apply_output_path(state, output, context), stepfunctions._next_or_end(state)


def _children(found: State) -> list[State]:
    executions = list(stepfunctions._executions.values())
    return [one for one in executions if one.get("mapRunArn") == found["mapRunArn"]]


def _write(found: State, bucket: str, prefix: str, config: State) -> str:
    """Write one file per status that occurs, and the manifest; return the manifest's key.

    config: with COMPACT, a successful child is written as its output alone; with JSONL, one line per child.
    """
    files: dict[str, list[State]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
    lines, compact = config.get("OutputType") == "JSONL", config.get("Transformation") == "COMPACT"
    for status, listed in files.items():
        ended = [_told(child) for child in _children(found) if child["status"] == status]
        if ended:
            if compact and status == "SUCCEEDED":
                ended = [json.loads(one["Output"]) for one in ended]
            text = "\n".join(map(json.dumps, ended)) if lines else json.dumps(ended)
            key, body = f"{prefix}/{status}_0.json{'l' if lines else ''}", text.encode()
            s3._put_object(bucket, key, body, {})
            listed.append({"Key": key, "Size": len(body)})
    manifest = {"DestinationBucket": bucket, "MapRunArn": found["mapRunArn"], "ResultFiles": files}
    s3._put_object(bucket, f"{prefix}/manifest.json", json.dumps(manifest).encode(), {})
    return f"{prefix}/manifest.json"


def _told(child: State) -> State:
    """Return a child execution as a result file describes it.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    """
    told = {
        "ExecutionArn": child["executionArn"],
        "Input": child["input"],
        "InputDetails": {"Included": True},
        "Name": child["name"],
        "StartDate": child["startDate"],
        "StateMachineArn": child["stateMachineArn"],
        "Status": child["status"],
        "StopDate": child["stopDate"],
    }
    if child["status"] == "FAILED":
        return {**told, "Error": child["error"], "Cause": child["cause"]}
    return {**told, "Output": child["output"], "OutputDetails": {"Included": True}}
