"""The job table in DynamoDB: one item per job, with optimistic locking by revision."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from runtime.contention import ContentionError
from runtime.events import ObjectEvent
from runtime.jobs.record import KEEP_SECONDS, Job, State, Try

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

OPEN_INDEX = "open"
"""A sparse index by `queue` (waiting or active; removals.py adds another) and `due`."""
WAITING, ACTIVE = "waiting", "active"
_RACES = 10


@dataclass(frozen=True, kw_only=True)
class JobStore:
    """The stored jobs. table: a boto3 resource. clock: seconds since 1970."""

    table: "Table"
    clock: Callable[[], float] = time.time

    def get(self, job_id: str) -> Job | None:
        """Return the job as it is now."""
        item = self.table.get_item(Key={"job_id": job_id}, ConsistentRead=True).get("Item")
        return _job(item) if item else None

    def create(self, job: Job) -> Job:
        """Store a new job, or return the one that exists."""
        try:
            new = replace(job, created_at=round(self.clock()), revision=1)
            self.table.put_item(Item=_item(new), ConditionExpression=Attr("job_id").not_exists())
        except ClientError as error:
            found = self.get(job.job_id) if _lost(error) else None
            if found is None:
                raise
            return found
        return new

    def claim(self, job_id: str, lease: float = 0) -> Job | None:
        """Claim the attempt for the caller alone; None if the job is not waiting or not due.

        lease: how many seconds a function may hold it.
        """
        return self.transition(job_id, lambda job: job.claimed(self.clock(), lease))

    def started(self, job: Job, task_arn: str) -> Job | None:
        """Record the task that RunTask returned for the attempt of `job`."""
        return self.transition(job.job_id, lambda now: now.accepted(job.attempt, job.refusals, task_arn))

    def postpone(
        self, job_id: str, *, refused: bool = False, unsettled: bool = False, on_demand: bool = False
    ) -> Job | None:
        """Let the job wait for its next turn, as `Job.postponed` describes."""

        def step(job: Job) -> Job | None:
            return job.postponed(self.clock(), refused=refused, unsettled=unsettled, on_demand=on_demand)

        return self.transition(job_id, step)

    def begin(self, job_id: str, attempt: int, task_arn: str, seconds: float) -> Job | None:
        """Record that the worker runs; None when the worker no longer owns the job.

        seconds: the worker's own time limit.
        """
        return self.transition(job_id, lambda job: job.running(self.clock(), attempt, task_arn, seconds))

    def complete(self, job: Job, message: str = "") -> Job | None:
        """Record that `job` is done: published, or with a message that says why its result is not shown.

        It waits again if a later event for its version came after it was read.
        """
        return self.transition(job.job_id, lambda now: now.done(self.clock(), job.sequencer, message))

    def resequence(self, event: ObjectEvent, moved: bool | None) -> Job | None:
        """Let the job take the event's sequencer, if that is newer, as `Job.resequenced` describes."""
        return self.transition(
            event.job_id, lambda job: job.resequenced(self.clock(), event.sequencer, moved)
        )

    def reject(self, job_id: str, message: str) -> Job | None:
        """Record that the source cannot be processed."""
        return self.transition(job_id, lambda job: job.ended(self.clock(), State.REJECTED, message))

    def reject_waiting(self, job_id: str, message: str) -> Job | None:
        """Reject a job that is still waiting; None in any other state."""

        def step(job: Job) -> Job | None:
            waits = job.state is State.WAITING
            return job.ended(self.clock(), State.REJECTED, message) if waits else None

        return self.transition(job_id, step)

    def fail(self, job_id: str, message: str) -> Job | None:
        """Record a permanent failure, which only an operator can reopen."""
        return self.transition(job_id, lambda job: job.ended(self.clock(), State.FAILED, message))

    def fail_attempt(self, job_id: str, attempt: int, why: str, *, task_arn: str = "") -> Job | None:
        """Record a permanent failure if `attempt` is current.

        task_arn: the task that failed; if it and the job's task are both known, they must be the same.
        """
        return self.transition(
            job_id,
            lambda job: job.ended(self.clock(), State.FAILED, why) if job.is_at(attempt, task_arn) else None,
        )

    def try_again(
        self, job_id: str, attempt: int, why: str, *, task_arn: str = "", larger: bool = False
    ) -> Job | None:
        """Let the job wait for its next attempt if `attempt` is current; after the last, it is FAILED."""
        return self.transition(
            job_id,
            lambda job: (
                job.next_attempt(self.clock(), why, larger=larger) if job.is_at(attempt, task_arn) else None
            ),
        )

    def never_ran(self, job_id: str, attempt: int, task_arn: str) -> Job | None:
        """Let the attempt wait again after ECS accepted its task but could not start it."""

        def step(job: Job) -> Job | None:
            is_news = job.is_at(attempt, task_arn) and task_arn not in job.counted_arns
            return job.put_back(self.clock()) if is_news else None

        return self.transition(job_id, step)

    def account(self, job_id: str, task_arn: str) -> bool:
        """Return whether to count the task's usage: True once, however often its end is reported."""
        return self.transition(job_id, lambda job: job.accounted(task_arn)) is not None

    def reopen(self, job_id: str) -> Job | None:
        """Reopen a failed job at an operator's request; None in any other state."""
        return self.transition(job_id, lambda job: job.reopened(self.clock()))

    def transition(self, job_id: str, step: Callable[[Job], Job | None]) -> Job | None:
        """Store the job that `step` returns, and return it; None if `step` returns None.

        If the job changed in the meantime, it is read again and `step` repeated. Raises KeyError when there
        is no such job, ContentionError when it keeps changing.
        """
        written: Job | None = None
        for _ in range(_RACES):
            job = self.get(job_id)
            if job is None:
                raise KeyError(f"There is no job {job_id}.")
            if job == written:  # written by us: only the answer was lost, and botocore retried
                return job
            then = step(job)
            if then is None:
                return None
            then = written = replace(then, revision=job.revision + 1, stamp=secrets.token_hex(8))
            try:
                self.table.put_item(Item=_item(then), ConditionExpression=Attr("revision").eq(job.revision))
            except ClientError as error:
                if not _lost(error):
                    raise
            else:
                return then
        raise ContentionError(f"Job {job_id} changed {_RACES} times while it was written.")

    def progress(self, job_id: str, attempt: int, percent: int) -> bool:
        """Record the attempt's progress; False when the job has moved on without it."""
        try:
            self.table.update_item(
                Key={"job_id": job_id},
                UpdateExpression="SET #percent = :percent",
                ConditionExpression="attempt = :attempt AND #state = :running",
                ExpressionAttributeNames={"#percent": "percent", "#state": "state"},
                ExpressionAttributeValues={
                    ":percent": percent,
                    ":attempt": attempt,
                    ":running": State.RUNNING.value,
                },
            )
        except ClientError as error:
            if not _lost(error):
                raise
            return False
        return True

    def waiting(self, most: int) -> list[str]:
        """Return the ids of jobs that are due, least recently tried first.

        The index is eventually consistent.
        """
        ready = Key("queue").eq(WAITING) & Key("due").lte(int(self.clock()))
        return [item["job_id"] for item in self._open(ready, most)]

    def overdue(self, most: int) -> list[str]:
        """Return the ids of jobs that should have moved on by now."""
        late = Key("queue").eq(ACTIVE) & Key("due").lt(round(self.clock()))
        return [item["job_id"] for item in self._open(late, most)]

    def open(self) -> int:
        """Return how many jobs are open, up to a few thousand; eventually consistent.

        Reads one page of the index for waiting jobs, and one for active jobs.
        """
        pages = (
            self.table.query(
                IndexName=OPEN_INDEX, Select="COUNT", KeyConditionExpression=Key("queue").eq(queue)
            )
            for queue in (WAITING, ACTIVE)
        )
        return sum(page["Count"] for page in pages)

    def all(self, unreadable: list[str] | None = None) -> Iterator[Job]:
        """Yield every job by a scan: for commands that people run, on tables of a few thousand jobs.

        unreadable: gets the ids of records that cannot be parsed; if None, such a record raises an error.
        """
        more: dict[str, Any] = {}
        while True:
            page = self.table.scan(FilterExpression=Attr("state").exists(), **more)
            for item in page["Items"]:
                try:
                    yield _job(item)
                except (KeyError, TypeError, ValueError):
                    if unreadable is None:
                        raise
                    unreadable.append(str(item["job_id"]))
            if "LastEvaluatedKey" not in page:
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _open(self, condition: Any, most: int) -> list[dict[str, Any]]:
        found = self.table.query(IndexName=OPEN_INDEX, KeyConditionExpression=condition, Limit=most)
        return list(found["Items"])


def _item(job: Job) -> dict[str, Any]:
    item = {**asdict(job), "state": job.state.value, "tries": [asdict(one) for one in job.tries]}
    if job.is_final:
        return {**item, "expires_at": job.ended_at + KEEP_SECONDS}
    return {**item, "queue": WAITING if job.state is State.WAITING else ACTIVE}


def _job(item: dict[str, Any]) -> Job:
    known: dict[str, Any] = {field.name: item[field.name] for field in fields(Job) if field.name in item}
    for name, value in known.items():
        if isinstance(value, Decimal):  # boto3's numbers; ours are whole
            known[name] = int(value)
    tries = tuple(Try(**{**one, "attempt": int(one["attempt"])}) for one in item["tries"])
    counted = tuple(item.get("counted_arns", ()))
    return Job(**{**known, "state": State(item["state"]), "tries": tries, "counted_arns": counted})


def _lost(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
