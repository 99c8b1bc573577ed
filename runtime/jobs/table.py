"""The job table: DynamoDB, one item a job, every write conditional on the revision that was read."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from runtime.contention import ContentionError
from runtime.jobs.record import KEEP_SECONDS, Job, State, Try

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

OPEN_INDEX = "open"
"""Sparse: `queue` (waiting or active) and `due`, of jobs that have not ended."""
WAITING, ACTIVE = "waiting", "active"
_RACES = 10


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """table: boto3's resource of it. clock: the time in seconds since 1970."""

    table: "Table"
    clock: Callable[[], float] = time.time

    def get(self, job_id: str) -> Job | None:
        """As it is now."""
        item = self.table.get_item(Key={"job_id": job_id}, ConsistentRead=True).get("Item")
        return _job(item) if item else None

    def create(self, job: Job) -> Job:
        """Store a new job, unless there is one: that one comes back."""
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
        """For whoever starts the attempt, so that nobody else does; None when the job does not wait.

        lease: seconds that a function has for it.
        """
        return self.change(job_id, lambda job: job.claimed(self.clock(), lease))

    def started(self, job: Job, task_arn: str) -> Job | None:
        """RunTask has answered with the task of that attempt."""
        return self.change(job.job_id, lambda now: now.accepted(job.attempt, task_arn))

    def postpone(
        self, job_id: str, *, refused: bool = False, unsettled: bool = False, on_demand: bool = False
    ) -> Job | None:
        """Nothing is wrong with the job: it waits for its turn, as `Job.postponed` says."""

        def step(job: Job) -> Job | None:
            return job.postponed(self.clock(), refused=refused, unsettled=unsettled, on_demand=on_demand)

        return self.change(job_id, step)

    def begin(self, job_id: str, attempt: int, task_arn: str, seconds: float) -> Job | None:
        """Said by the worker; None when the job is no longer its own. seconds: its own deadline."""
        return self.change(job_id, lambda job: job.running(self.clock(), attempt, task_arn, seconds))

    def complete(self, job_id: str, message: str = "") -> Job | None:
        """Its result is published, or what the message says became of it."""
        return self.change(job_id, lambda job: job.ended(self.clock(), State.DONE, message))

    def reject(self, job_id: str, message: str) -> Job | None:
        """Its source cannot be done."""
        return self.change(job_id, lambda job: job.ended(self.clock(), State.REJECTED, message))

    def reject_waiting(self, job_id: str, message: str) -> Job | None:
        """Return the same, unless somebody works on it."""

        def step(job: Job) -> Job | None:
            waits = job.state is State.WAITING
            return job.ended(self.clock(), State.REJECTED, message) if waits else None

        return self.change(job_id, step)

    def fail(self, job_id: str, message: str) -> Job | None:
        """For good, unless somebody reopens it."""
        return self.change(job_id, lambda job: job.ended(self.clock(), State.FAILED, message))

    def fail_attempt(self, job_id: str, attempt: int, why: str, *, task_arn: str = "") -> Job | None:
        """Begin the next attempt, if that one is still the current one, in that task if it is known."""
        return self.change(
            job_id,
            lambda job: job.ended(self.clock(), State.FAILED, why) if job.is_at(attempt, task_arn) else None,
        )

    def try_again(
        self, job_id: str, attempt: int, why: str, *, task_arn: str = "", larger: bool = False
    ) -> Job | None:
        """Move on to the next attempt if `attempt` is still the current one; FAILED after the last."""
        return self.change(
            job_id,
            lambda job: (
                job.tried_again(self.clock(), why, larger=larger) if job.is_at(attempt, task_arn) else None
            ),
        )

    def never_ran(self, job_id: str, attempt: int, task_arn: str) -> Job | None:
        """ECS accepted the task of that attempt and could not start it: it waits, and keeps its attempt."""

        def step(job: Job) -> Job | None:
            is_news = job.is_at(attempt, task_arn) and job.counted_arn != task_arn
            return job.put_back(self.clock()) if is_news else None

        return self.change(job_id, step)

    def account(self, job_id: str, task_arn: str) -> bool:
        """Whether what the task used is to be counted: once, however often its end is told."""
        return self.change(job_id, lambda job: job.accounted(task_arn)) is not None

    def reopen(self, job_id: str) -> Job | None:
        """Reopen a failed job, because somebody asks for it; None in any other state."""
        return self.change(job_id, lambda job: job.reopened(self.clock()))

    def change(self, job_id: str, step: Callable[[Job], Job | None]) -> Job | None:
        """Store what `step` makes of the job and return that; None where it makes nothing of it.

        A job that changed meanwhile is read and offered again. Raises KeyError when there is no such job,
        ContentionError when it changes all the time.
        """
        written: Job | None = None
        for _ in range(_RACES):
            job = self.get(job_id)
            if job is None:
                raise KeyError(f"There is no job {job_id}.")
            if job == written:  # only the answer was lost, and botocore asked again
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
        """Note how far the attempt is; False when the job is no longer its own."""
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
        """Ids of jobs that are due, least recently tried first. The index may lag."""
        ready = Key("queue").eq(WAITING) & Key("due").lte(int(self.clock()))
        return [item["job_id"] for item in self._open(ready, most)]

    def overdue(self, most: int) -> list[str]:
        """Return the ids of jobs that should have moved on by now."""
        late = Key("queue").eq(ACTIVE) & Key("due").lt(round(self.clock()))
        return [item["job_id"] for item in self._open(late, most)]

    def open(self) -> int:
        """How many have not ended, up to some thousands (a page of the index each). The index may lag."""
        pages = (
            self.table.query(
                IndexName=OPEN_INDEX, Select="COUNT", KeyConditionExpression=Key("queue").eq(queue)
            )
            for queue in (WAITING, ACTIVE)
        )
        return sum(page["Count"] for page in pages)

    def all(self, unreadable: list[str] | None = None) -> Iterator[Job]:
        """Every job that is kept, by a scan: for people, and for tables of some thousand jobs.

        unreadable: gets the id of each record that is none of ours; without it such a record raises.
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
    return Job(**{**known, "state": State(item["state"]), "tries": tries})


def _lost(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
