"""Placement of jobs: in this function, in a task of the right size, or nowhere; recorded with the reason."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runtime.events import Change, ObjectEvent, is_newer, parse_event
from runtime.jobs.metrics import Metric
from runtime.jobs.record import OVERTAKEN, Job, State
from runtime.jobs.table import JobStore
from runtime.jobs.task_launcher import DeployInProgress, Fatal, Retryable, Started, TaskLauncher
from runtime.jobs.wake_ups import is_wake_up, job_to_wake
from runtime.placement.placement import Placement, Rules, Where, place
from runtime.rejection import Reason, Rejected
from runtime.sqs_batch import Outcome
from runtime.work.works import Works, source_gone

LAST_SECONDS = 20
"""Seconds before the function's timeout at which an unfinished job is handed to a task."""
DEPLOY_SECONDS = 900
"""How long a deployment may take to update the task definition, the policy for it and the function."""


@dataclass(frozen=True, kw_only=True)
class Dispatcher:
    """Decides where jobs run, and runs small ones.

    Attributes:
        rules: limits of the function and of tasks.
        spot: whether first attempts ask for FARGATE_SPOT.
        trace_id: X-Ray trace ID of the invocation.
    """

    jobs: JobStore
    tasks: TaskLauncher
    works: Works
    rules: Rules
    spot: bool
    trace_id: Callable[[], str] = lambda: ""

    def run(self, message: Mapping[str, Any], seconds: Callable[[], float]) -> Outcome:
        """Handle an event of the source bucket, or a waiting job's wake-up.

        seconds: how many the function has left. Idempotent: each attempt is begun once, however often a
        message arrives. Raises ValueError for any other message, and transient errors.
        """
        if is_wake_up(message):
            return self._begin(job_to_wake(message), seconds)
        event = parse_event(message)
        if event.is_folder:
            return Outcome(metric=Metric.IGNORED)
        if event.change is not Change.CREATED:
            self.works.output.apply_deletion(event)
            self._end_with_its_source(event)
            return Outcome(metric=Metric.DELETED, facts={"job_id": event.job_id, "key": event.key})
        job = self.jobs.get(event.job_id)
        if job is None:
            job = self.jobs.create(self._place(event))
            if job.state is State.REJECTED:
                facts = {"job_id": job.job_id, "key": job.key, "explanation": job.message}
                return Outcome(metric=Metric.REJECTED, facts=facts)
        if is_newer(event.sequencer, job.sequencer):
            self._catch_up(event, job)
        return self._begin(event.job_id, seconds)

    def _catch_up(self, event: ObjectEvent, job: Job) -> None:
        """Let a job, and its result if there is one, take the sequencer of a later event for its version.

        The version's own event, for example, is later than a backfill's, whichever arrives first.
        """
        output = self.works.output
        moved = output.publish_again(event) if job.state is State.DONE else None
        if moved is not None:
            output.confirm_source(event)
        self.jobs.resequence(event, moved)

    def _end_with_its_source(self, event: ObjectEvent) -> None:
        """End a waiting job whose source is gone; a running one notices that itself and cleans up."""
        if event.change is Change.VERSION_DELETED and self.jobs.get(event.job_id):
            self.jobs.reject_waiting(event.job_id, source_gone().one_line)

    def _place(self, event: ObjectEvent) -> Job:
        """Return a new job, waiting to run where it fits; one that fits nowhere is rejected."""
        now = self.jobs.clock()
        new = Job.of(event, now, self.trace_id())
        try:
            placement = place(self.works.estimate(event), self.rules)
            if placement.where is Where.REJECT:
                raise Rejected(Reason.TOO_MUCH_WORK, f"{placement.reason} Upload a smaller one.")
        except Rejected as rejected:
            self.works.output.reject(event, rejected.reason, rejected.message)
            return replace(new, state=State.REJECTED, message=rejected.one_line, ended_at=int(now))
        return _with_placement(new, placement, self.spot)

    def _begin(self, job_id: str, seconds: Callable[[], float]) -> Outcome:
        overtaken = self._overtaken(job_id)
        job = self.jobs.claim(job_id, lease=seconds())
        if job is None:  # another invocation has it, it is not due, or it has ended
            return Outcome(metric=Metric.NOTHING_TO_DO, facts={"job_id": job_id})
        if job.sequencer == overtaken:
            self.works.output.discard(job_id)
            self.jobs.complete(job, OVERTAKEN)
            return Outcome(metric=Metric.SUPERSEDED, facts={"job_id": job_id})
        facts = {"job_id": job_id, "key": job.key, "attempt": job.attempt, "placement": job.placement}
        what, more = self._run_here(job, seconds) if job.state is State.WORKING else self._start_task(job)
        return Outcome(metric=what, facts={**facts, **more})

    def _overtaken(self, job_id: str) -> str | None:
        """Return a waiting job's sequencer if its key already shows something newer.

        This is looked up before the job is claimed, so that an outage of S3 costs no attempt.
        """
        job = self.jobs.get(job_id)
        if job is None or job.state is not State.WAITING or not self.works.output.is_overtaken(job.event):
            return None
        return job.sequencer

    def _run_here(self, job: Job, seconds: Callable[[], float]) -> tuple[Metric, dict[str, Any]]:
        """Run the job in this function, under a lease. If it fails, a task tries next."""
        deadline = time.monotonic() + seconds() - LAST_SECONDS
        try:
            moved = self.works.run(job.event, deadline=deadline, placed=job.placed)
        except Rejected as rejected:
            self.works.output.reject(job.event, rejected.reason, rejected.message)
            self.jobs.reject(job.job_id, rejected.one_line)
            return Metric.REJECTED, {"explanation": rejected.one_line}
        except Exception as error:  # noqa: BLE001 - a task may do what the function cannot
            why = f"{type(error).__name__}: {error}"
            then = self.jobs.try_again(job.job_id, job.attempt, why)
            if then is None or then.state is not State.WAITING:
                return Metric.NOTHING_TO_DO, {"why": why}
            given = self._begin(job.job_id, seconds)
            return Metric(given.metric), {**given.facts, "given_to_task": why}
        self.jobs.complete(job, "" if moved else OVERTAKEN)
        return Metric.DONE_BY_LAMBDA, {}

    def _start_task(self, job: Job) -> tuple[Metric, dict[str, Any]]:
        match self.tasks.start(job):
            case Started(task_arn=task_arn):
                self.jobs.started(job, task_arn)
                return Metric.TASK_STARTED, {"task_arn": task_arn}
            case Retryable(why=why, refused=True) if job.spot:
                # Spot capacity may not come for hours; an on-demand request differs, so it needs a new token.
                self.jobs.postpone(job.job_id, refused=True, on_demand=True)
                again = self.jobs.claim(job.job_id)
                return self._start_task(again) if again else (Metric.WAITING, {"why": why})
            case DeployInProgress(why=why) if not self._is_settled(job):
                self.jobs.postpone(job.job_id, refused=True, unsettled=True)
                return Metric.WAITING, {"why": why}
            case Retryable(why=why, refused=refused):
                self.jobs.postpone(job.job_id, refused=refused)
                return Metric.WAITING, {"why": why}
            case Fatal(why=why) | DeployInProgress(why=why):
                self.jobs.fail(job.job_id, f"No task could be started. {why}")
                return Metric.JOB_FAILED, {"why": why}

    def _is_settled(self, job: Job) -> bool:
        """Return whether ECS has refused the job for longer than a deployment can take.

        Waiting for capacity does not count.
        """
        return job.refused_since > 0 and self.jobs.clock() - job.refused_since >= DEPLOY_SECONDS


def _with_placement(job: Job, placement: Placement, spot: bool) -> Job:
    return replace(
        job,
        where=placement.where.value,
        placement=placement.reason,
        decided_by=placement.decided_by,
        cpu=placement.cpu,
        memory_mb=placement.memory_mb,
        disk_gib=placement.disk_gib,
        spot=spot and placement.where is Where.FARGATE,
    )
