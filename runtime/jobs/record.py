"""A job and its state machine. Pure; runtime/jobs/table.py stores it.

WAITING -> WORKING                  the function does it itself, under a lease
WAITING -> STARTING -> RUNNING      a task does it
any of these -> WAITING             the next attempt, or the same once there is capacity
any of these -> DONE | REJECTED | FAILED
FAILED -> WAITING                   an operator reopens it
DONE -> WAITING                     a later event for the same version, which its result does not show
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from runtime.events import Change, ObjectEvent, is_newer
from runtime.placement.limits import fargate_size

MAX_ATTEMPTS = 4
PAUSES = (0, 240, 960)
"""Seconds before attempts two, three and four: a few minutes' outage must not use up all attempts."""
LEASE_SLACK_SECONDS = 30
"""Seconds by which a function's lease on a job outlasts its timeout."""
NEVER_RAN_SECONDS = 300
"""Seconds before another task is requested in place of one that could not be started."""
START_SECONDS = 900
"""How long an accepted task may take to begin; most take a minute or two, and a later one counts as lost."""
STOP_SECONDS = 600
"""Seconds after the worker's own deadline at which its task is stopped."""
MOST_COUNTED = 100
"""Maximum number of tasks to remember per job, since an item of DynamoDB has at most 400 KB."""
OVERTAKEN = "A newer version of the file, or its deletion, was there first."
"""Message of a done job whose result is not shown."""
KEEP_SECONDS = 90 * 24 * 3600
"""How long an ended job is kept: as long as rejections (stacks/constructs/output_bucket.py)."""


class State(StrEnum):
    """The state of a job; the last three are final, but FAILED and DONE jobs may wait again."""

    WAITING = "waiting"
    WORKING = "working"
    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"


FINAL = {State.DONE, State.REJECTED, State.FAILED}


@dataclass(frozen=True, kw_only=True)
class Try:
    """A failed attempt, and why it failed."""

    attempt: int
    where: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """One version of a source object on its way to results. Times are seconds since 1970.

    where: "lambda" or "fargate", for this attempt. placement: why the first attempt went
    where it did; decided_by: the limit that decided. cpu (units), memory_mb, disk_gib: size of the task.
    spot: whether this attempt asks for FARGATE_SPOT.
    refusals: how often ECS is known to have refused a task for it, or could not start the accepted one; part
        of RunTask's client token (task_launcher.py).
    refused_since: when ECS began to refuse this attempt for reasons that a deployment may explain; 0 if
        the job was last postponed for another reason.
    counted_arns: the tasks whose usage was counted, at most the last MOST_COUNTED.
    trace_id: X-Ray trace ID of the invocation that created the job; its tasks log that ID too.
    due: of a waiting job, the earliest time to try it; of an active one, when it counts as lost.
    first_attempt: number of the first attempt since the job was created or reopened.
    message: explains a final state to people. revision: for optimistic locking; incremented with each write
        other than of `percent`. stamp: random per such write, by which a writer recognises its own.
    """

    job_id: str
    bucket: str
    key: str
    version_id: str
    sequencer: str
    bytes: int
    where: str
    placement: str
    decided_by: str
    cpu: int = 0
    memory_mb: int = 0
    disk_gib: int = 0
    spot: bool = False
    refusals: int = 0
    refused_since: int = 0
    state: State = State.WAITING
    attempt: int = 1
    first_attempt: int = 1
    task_arn: str = ""
    counted_arns: tuple[str, ...] = ()
    trace_id: str = ""
    percent: int = 0
    message: str = ""
    due: int = 0
    created_at: int = 0
    ended_at: int = 0
    tries: tuple[Try, ...] = ()
    revision: int = 0
    stamp: str = ""

    @classmethod
    def of(cls, event: ObjectEvent, now: float, trace_id: str = "") -> "Job":
        """Return a new job that waits and has no placement yet."""
        return cls(
            job_id=event.job_id,
            bucket=event.bucket,
            key=event.key,
            version_id=event.version_id,
            sequencer=event.sequencer,
            bytes=event.size,
            where="",
            placement="",
            decided_by="",
            trace_id=trace_id,
            due=int(now),
        )

    @property
    def is_final(self) -> bool:
        """Whether the state is final."""
        return self.state in FINAL

    @property
    def event(self) -> ObjectEvent:
        """The S3 event that the job came from."""
        return ObjectEvent(
            change=Change.CREATED,
            bucket=self.bucket,
            key=self.key,
            version_id=self.version_id,
            sequencer=self.sequencer,
            size=self.bytes,
        )

    @property
    def placed(self) -> dict[str, str | int]:
        """Where this attempt runs, and why the first attempt went where it did, for the manifest."""
        task: dict[str, str | int] = {"cpu": self.cpu, "memory_mb": self.memory_mb}
        why: dict[str, str | int] = {"reason": self.placement, "attempt": self.attempt}
        return {"where": self.where, **why, **(task if self.where == "fargate" else {})}

    def claimed(self, now: float, lease: float) -> "Job | None":
        """Return the job as claimed by a caller for its attempt; None unless it is waiting and due.

        lease: how many seconds a function may hold it.
        """
        if self.state is not State.WAITING or self.due > now:
            return None
        if self.where == "lambda":
            return replace(self, state=State.WORKING, due=int(now + lease + LEASE_SLACK_SECONDS))
        return replace(self, state=State.STARTING, task_arn="", due=int(now) + START_SECONDS)

    def accepted(self, attempt: int, refusals: int, task_arn: str) -> "Job | None":
        """Return the job with the task that RunTask started then; it may already have said that it runs."""
        moved_on = (self.attempt, self.refusals) != (attempt, refusals)
        if moved_on or self.is_final or self.state is State.WORKING or self.task_arn:
            return None
        state = State.RUNNING if self.state is State.RUNNING else State.STARTING
        return replace(self, state=state, task_arn=task_arn, refused_since=0)

    def postponed(
        self, now: float, *, refused: bool = False, unsettled: bool = False, on_demand: bool = False
    ) -> "Job | None":
        """Return the job waiting for its next turn, in the same attempt: the job itself is fine.

        refused: ECS has answered that it started nothing. Otherwise it may have started a task, and the next
            request must carry the same client token.
        unsettled: a deployment in progress may explain the refusal.
        on_demand: do not ask for FARGATE_SPOT again.

        The least recently tried job is tried first, so that a job that never fits cannot block the others.
        """
        if self.state is not State.STARTING or self.task_arn:
            return None
        return replace(
            self,
            state=State.WAITING,
            due=int(now),
            spot=self.spot and not on_demand,
            refusals=self.refusals + refused,
            refused_since=(self.refused_since or int(now)) if unsettled else 0,
        )

    def put_back(self, now: float) -> "Job | None":
        """Return the job waiting again, as its task could not start: no image, network or Spot capacity."""
        if self.state is not State.STARTING:
            return None
        return replace(
            self,
            state=State.WAITING,
            task_arn="",
            spot=False,
            refusals=self.refusals + 1,
            refused_since=0,
            due=int(now) + NEVER_RAN_SECONDS,
        )

    def accounted(self, task_arn: str) -> "Job | None":
        """Return the job with this task's usage marked as counted; None if it already was."""
        if task_arn in self.counted_arns:
            return None
        return replace(self, counted_arns=(*self.counted_arns, task_arn)[-MOST_COUNTED:])

    def running(self, now: float, attempt: int, task_arn: str, seconds: float) -> "Job | None":
        """Return the job as running, as its worker reported; None if the worker no longer owns the job."""
        if not self.is_at(attempt, task_arn) or self.state is State.WORKING:
            return None
        if self.state is State.RUNNING and (not task_arn or self.task_arn != task_arn):
            return None  # the same ARN would mean that only the answer to an earlier report was lost
        due = int(now + seconds + STOP_SECONDS)
        return replace(self, state=State.RUNNING, task_arn=task_arn or self.task_arn, due=due)

    def ended(self, now: float, state: State, message: str = "") -> "Job | None":
        """Return the ended job; None if it had already ended, since a final state does not change."""
        if self.is_final:
            return None
        percent = 100 if state is State.DONE else self.percent
        return replace(self, state=state, message=message, percent=percent, ended_at=int(now))

    def is_at(self, attempt: int, task_arn: str = "") -> bool:
        """Return whether a report, perhaps late, is about the current attempt and, if known, its task."""
        another_task = task_arn != "" and self.task_arn not in ("", task_arn)
        return not self.is_final and self.attempt == attempt and not another_task

    def next_attempt(self, now: float, why: str, *, larger: bool = False) -> "Job | None":
        """Return the job's next attempt, as an on-demand task.

        After the last attempt, or if no task is large enough, the job is FAILED.
        """
        if self.is_final:
            return None
        tries = (*self.tries, Try(attempt=self.attempt, where=self.where, why=why))
        job = replace(self, tries=tries)
        size = fargate_size(vcpus=self.cpu / 1024, memory_mb=self.memory_mb * (2 if larger else 1))
        made = self.attempt - self.first_attempt + 1
        if made >= MAX_ATTEMPTS:
            return job.ended(now, State.FAILED, f"It was tried {made} times. The last time: {why}")
        if size is None:
            return job.ended(now, State.FAILED, f"No task has more memory than it had. {why}")
        return replace(
            job,
            state=State.WAITING,
            attempt=self.attempt + 1,
            where="fargate",
            cpu=size[0],
            memory_mb=size[1],
            spot=False,
            task_arn="",
            percent=0,
            refused_since=0,
            due=int(now) + PAUSES[made - 1],
        )

    def resequenced(self, now: float, sequencer: str, moved: bool | None) -> "Job | None":
        """Return the job with a later event's sequencer. moved: result of `Output.publish_again` for it."""
        if not is_newer(sequencer, self.sequencer):
            return None
        job = replace(self, sequencer=sequencer)
        if self.state is not State.DONE:
            return job
        return job._again(now) if moved is None else replace(job, message="" if moved else OVERTAKEN)

    def done(self, now: float, sequencer: str, message: str = "") -> "Job | None":
        """Return the job as done at the event with that sequencer, or waiting if it has a later one now."""
        if self.is_final or sequencer == self.sequencer:
            return self.ended(now, State.DONE, message)
        return self._again(now)

    def _again(self, now: float) -> "Job":
        """Return the job waiting, with a new set of attempts."""
        return replace(
            self,
            state=State.WAITING,
            attempt=self.attempt + 1,
            first_attempt=self.attempt + 1,
            spot=False,
            task_arn="",
            message="",
            percent=0,
            refused_since=0,
            due=int(now),
            ended_at=0,
        )

    def reopened(self, now: float) -> "Job | None":
        """Reopen a failed job at an operator's request; its history is kept."""
        if self.state is not State.FAILED:
            return None
        tries = (*self.tries, Try(attempt=self.attempt, where=self.where, why=self.message))
        return replace(self._again(now), where="fargate", tries=tries)
