"""Client of a pattern's backfill: counts objects, starts the run, follows it, reads its report."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tools.drivers.deployed import Client


@dataclass(frozen=True, kw_only=True)
class Progress:
    """State of an execution. status: as Step Functions names it. objects: None before its Map Run starts."""

    status: str
    why: str = ""
    objects: int | None = None
    done: int = 0
    failed: int = 0

    @property
    def is_running(self) -> bool:
        return self.status == "RUNNING"


@dataclass(frozen=True, kw_only=True)
class BackfillDriver:
    """Client of a deployed backfill. outputs: of its stack."""

    client: Client
    outputs: Mapping[str, str]

    @cached_property
    def states(self) -> Any:
        """A client of Step Functions."""
        return self.client("stepfunctions")

    def running(self) -> list[str]:
        """Return the ARNs of running executions: at most one, unless somebody started more by hand."""
        machine = self.outputs["StateMachine"]
        found = self.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
        return [one["executionArn"] for one in found["executions"]]

    def input_of(self, execution: str) -> dict[str, Any]:
        """Return an execution's input: prefix and at_once."""
        return dict(json.loads(self.states.describe_execution(executionArn=execution)["input"]))

    def start(self, *, prefix: str, at_once: int) -> str:
        """Start an execution; return its ARN."""
        told = json.dumps({"prefix": prefix, "at_once": at_once})
        started = self.states.start_execution(stateMachineArn=self.outputs["StateMachine"], input=told)
        return str(started["executionArn"])

    def stop(self, execution: str) -> None:
        """Stop an execution; the function may go on sending its current batch until its time runs out."""
        self.states.stop_execution(executionArn=execution)

    def progress(self, execution: str) -> Progress:
        """Return the execution's current state."""
        found = self.states.describe_execution(executionArn=execution)
        why = f"{found.get('error', '')}: {found.get('cause', '')}".strip(": ")
        runs = self.states.list_map_runs(executionArn=execution)["mapRuns"]
        if not runs:
            return Progress(status=found["status"], why=why)
        counts = self.states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]
        failed = counts["failed"] + counts["timedOut"]
        return Progress(
            status=found["status"],
            why=why,
            objects=counts["total"],
            done=counts["succeeded"],
            failed=failed,
        )

    def counts(self, execution: str) -> Counter[str]:
        """Return the numbers of objects by lambda_src.backfill.feed.Found, of an execution that succeeded."""
        found = self.states.describe_execution(executionArn=execution)
        place = json.loads(found["output"])["ResultWriterDetails"]
        manifest = json.load(self._open(place["Bucket"], place["Key"]))
        counts = Counter[str]()
        for file in manifest["ResultFiles"]["SUCCEEDED"]:
            for answer in self._open(place["Bucket"], file["Key"]).iter_lines():
                counts.update(json.loads(answer)["Counts"])
        return counts

    def _open(self, bucket: str, key: str) -> Any:
        return self.client("s3").get_object(Bucket=bucket, Key=key)["Body"]


def listed(client: Client, bucket: str, prefix: str) -> Iterator[int]:
    """Yield the number of objects under a prefix listed so far, after each page of a thousand."""
    objects = 0
    for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        objects += page.get("KeyCount", 0)
        yield objects
