"""Where each job is done: here, in a task sized for it, or nowhere; recorded with its reason."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runtime.events import Change, ObjectEvent, parse_event
from runtime.jobs.messages import is_call, job_called
from runtime.jobs.metrics import Metric
from runtime.jobs.record import Job, State
from runtime.jobs.table import Jobs
from runtime.jobs.tasks import NotNow, Refused, Started, Tasks, Unsettled
from runtime.placement.placement import Placement, Rules, Where, place
from runtime.rejection import Reason, Rejected
from runtime.sqs_batch import Outcome
from runtime.work.works import Works

LAST_SECONDS = 20
"""Before the function's timeout, to give the job to a task instead."""
DEPLOY_SECONDS = 900
"""In which a new revision, the role that may start it and the function that does are all in place."""


@dataclass(frozen=True, kw_only=True)
class Dispatcher:
    """rules: what the function may do itself. spot: first attempts ask for FARGATE_SPOT."""

    jobs: Jobs
    tasks: Tasks
    works: Works
    rules: Rules
    spot: bool

    def run(self, message: Mapping[str, Any], seconds: Callable[[], float]) -> Outcome:
        """An event of the source bucket, or a call of a job that waits. seconds: that the function has left.

        However often a message comes, one attempt is begun once. Raises what is worth trying again.
        """
        if is_call(message):
            return self._begin(job_called(message), seconds)
        event = parse_event(message)
        if event.is_folder:
            return Outcome(what=Metric.IGNORED)
        if event.change is not Change.CREATED:
            self.works.output.delete(event)
            return Outcome(what=Metric.DELETED, facts={"job_id": event.job_id, "key": event.key})
        if self.jobs.get(event.job_id) is None:
            job = self.jobs.create(self._placed(event))
            if job.state is State.REJECTED:
                facts = {"job_id": job.job_id, "key": job.key, "explanation": job.message}
                return Outcome(what=Metric.REJECTED, facts=facts)
        return self._begin(event.job_id, seconds)

    def _placed(self, event: ObjectEvent) -> Job:
        """A new job that waits where it fits; one that fits nowhere has ended."""
        now = int(self.jobs.clock())
        new = Job(
            job_id=event.job_id,
            bucket=event.bucket,
            key=event.key,
            version_id=event.version_id,
            sequencer=event.sequencer,
            bytes=event.size,
            where="",
            placement="",
            decided_by="",
            since=now,
            due=now,
        )
        try:
            found = place(self.works.estimate(event), self.rules)
            if found.where is Where.REJECT:
                raise Rejected(Reason.TOO_MUCH_WORK, f"{found.reason} Upload a smaller one.")
        except Rejected as rejected:
            return new.ended(self.jobs.clock(), State.REJECTED, self._reject(new, rejected)) or new
        return _at(new, found, self.spot)

    def _begin(self, job_id: str, seconds: Callable[[], float]) -> Outcome:
        now, lease = self.jobs.clock(), seconds()
        job = self.jobs.change(job_id, lambda job: job.claimed(now, lease))
        if job is None:  # somebody else has it, or it has ended
            return Outcome(what=Metric.NOTHING_TO_DO, facts={"job_id": job_id})
        facts = {"job_id": job_id, "key": job.key, "attempt": job.attempt, "placement": job.placement}
        what, more = self._work(job, seconds) if job.state is State.WORKING else self._start(job)
        return Outcome(what=what, facts={**facts, **more})

    def _work(self, job: Job, seconds: Callable[[], float]) -> tuple[Metric, dict[str, Any]]:
        """Here, under a lease. Whatever it fails with, a task tries next."""
        deadline = time.monotonic() + seconds() - LAST_SECONDS
        try:
            self.works.run(job.event, deadline=deadline, placed=job.placed)
        except Rejected as rejected:
            message = self._reject(job, rejected)
            self.jobs.change(job.job_id, lambda one: one.ended(self.jobs.clock(), State.REJECTED, message))
            return Metric.REJECTED, {"explanation": message}
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            now = self.jobs.clock()
            then = self.jobs.change(job.job_id, lambda one: one.tried_again(now, job.attempt, why))
            if then is None or then.state is not State.WAITING:
                return Metric.NOTHING_TO_DO, {"why": why}
            given = self._begin(job.job_id, seconds)
            return Metric(given.what), {**given.facts, "given_to_task": why}
        self.jobs.change(job.job_id, lambda job: job.ended(self.jobs.clock(), State.DONE))
        return Metric.DONE_BY_LAMBDA, {}

    def _start(self, job: Job) -> tuple[Metric, dict[str, Any]]:
        answer = self.tasks.start(job)
        now = self.jobs.clock()
        match answer:
            case Started(task_arn=task):
                self.jobs.change(job.job_id, lambda one: one.accepted(job.attempt, task))
                return Metric.TASK_STARTED, {"task_arn": task}
            case NotNow(why=why, refused=True) if job.spot:
                # Spot capacity may not come for hours; on demand it is another request, with another token.
                then = self.jobs.change(
                    job.job_id, lambda one: one.postponed(now, refused=True, on_demand=True)
                )
                if then and (again := self.jobs.change(job.job_id, lambda one: one.claimed(now, 0))):
                    return self._start(again)
                return Metric.WAITING, {"why": why}
            case Unsettled(why=why) if now - job.since < DEPLOY_SECONDS:
                self.jobs.change(job.job_id, lambda one: one.postponed(now, refused=True))
                return Metric.WAITING, {"why": why}
            case NotNow(why=why, refused=refused):
                self.jobs.change(job.job_id, lambda one: one.postponed(now, refused=refused))
                return Metric.WAITING, {"why": why}
            case Refused(why=why) | Unsettled(why=why):
                told = f"No task could be started. {why}"
                self.jobs.change(job.job_id, lambda one: one.ended(now, State.FAILED, told))
                return Metric.JOB_FAILED, {"why": why}

    def _reject(self, job: Job, rejected: Rejected) -> str:
        self.works.output.reject(job.event, rejected.reason, rejected.message)
        return rejected.told


def _at(job: Job, found: Placement, spot: bool) -> Job:
    return replace(
        job,
        where=found.where.value,
        placement=found.reason,
        decided_by=found.decided_by,
        cpu=found.cpu,
        memory_mb=found.memory_mb,
        disk_gib=found.disk_gib,
        spot=spot and found.where is Where.FARGATE,
    )
