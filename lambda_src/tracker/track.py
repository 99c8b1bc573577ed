"""Tracking of stopped tasks, and recovery of lost jobs."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from runtime.jobs.metrics import Metric
from runtime.jobs.record import Job, State
from runtime.jobs.removals import Removals
from runtime.jobs.stopped_task import NEVER_STARTED, OVERDUE, NextStep, StoppedTask, parse_stopped_task
from runtime.jobs.table import JobStore
from runtime.jobs.wake_ups import WakeUps
from runtime.sqs_batch import Outcome, logger

if TYPE_CHECKING:
    from types_boto3_cloudfront import CloudFrontClient
    from types_boto3_ecs import ECSClient

WAKE_UPS_PER_STOP = 4
"""Waiting jobs to retry when a task stops, which frees capacity for one or a few of them."""
WAKE_UPS_PER_SWEEP = 100
JOBS_PER_SWEEP = 100
"""Overdue jobs per sweep; the next sweep is five minutes later."""
T = TypeVar("T")
Count = Callable[[Metric, int], None]
"""Counts something as a metric."""


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """Tracking of stopped tasks and recovery of lost jobs.

    ecs, cloudfront: boto3 clients. distribution: id of the distribution in front of the results.
    """

    ecs: "ECSClient"
    cluster: str
    cloudfront: "CloudFrontClient"
    distribution: str
    jobs: JobStore
    removals: Removals
    wake_ups: WakeUps
    count: Count

    def run(self, message: Mapping[str, Any]) -> Outcome:
        """Handle a stopped task, or the scheduled sweep. Raises transient errors."""
        if message["detail-type"] == "ECS Task State Change":
            return self._stopped(message["detail"])
        return self._sweep()

    def _stopped(self, task: Mapping[str, Any]) -> Outcome:
        stop = parse_stopped_task(task)
        if stop is None:
            return Outcome(metric=Metric.NOT_OURS, facts={"task_arn": task.get("taskArn")})
        job = self._follow(stop)
        self._account(stop)
        due = [job.job_id] if job and job.state is State.WAITING and job.due <= self.jobs.clock() else []
        self.wake_ups.send([*due, *self._readable(self.jobs.waiting(WAKE_UPS_PER_STOP))])
        state = job.state if job else "unchanged"
        facts = {"job_id": stop.job_id, "attempt": stop.attempt, "why": stop.why, "state": state}
        return Outcome(metric=Metric.TASK_STOPPED, facts=facts)

    def _account(self, stop: StoppedTask) -> None:
        with suppress(KeyError):  # its record has expired
            if self.jobs.account(stop.job_id, stop.task_arn):
                self.count(Metric.VCPU_SECONDS, round(stop.vcpu_seconds))
                self.count(Metric.GB_SECONDS, round(stop.gb_seconds))

    def _follow(self, stop: StoppedTask) -> Job | None:
        """Move the job to its next state, if this attempt and task are still its current ones."""
        job_id, attempt, task_arn = stop.job_id, stop.attempt, stop.task_arn
        try:
            if stop.next_step is NextStep.NEVER_RAN:
                job = self.jobs.never_ran(job_id, attempt, task_arn)
                if job:
                    self.count(Metric.TASK_NEVER_RAN, 1)
            elif stop.next_step is NextStep.FAILED:
                job = self.jobs.fail_attempt(job_id, attempt, stop.why, task_arn=task_arn)
            else:
                # The worker records the result before it exits with 0 or 3; a job without one is retried.
                missing = "It ended without a result. " if stop.next_step is NextStep.ENDED else ""
                larger = stop.next_step is NextStep.LARGER
                why = f"{missing}{stop.why}"
                job = self.jobs.try_again(job_id, attempt, why, task_arn=task_arn, larger=larger)
        except KeyError:  # its record has expired
            return None
        if job and job.state is State.FAILED:
            self.count(Metric.JOB_FAILED, 1)
        return job

    def _sweep(self) -> Outcome:
        overdue = self.jobs.overdue(JOBS_PER_SWEEP)
        for job_id in overdue:
            self._alone(self._chase, job_id)
        waiting = self.jobs.waiting(WAKE_UPS_PER_SWEEP)
        self.wake_ups.send(self._readable(waiting))
        self._invalidate()
        self.count(Metric.JOBS_OVERDUE, len(overdue))
        self.count(Metric.JOBS_WAITING, len(waiting))
        return Outcome(metric=Metric.SWEPT, facts={"overdue": len(overdue), "waiting": len(waiting)})

    def _readable(self, job_ids: list[str]) -> list[str]:
        """Leave out jobs whose record cannot be read: each of their wake-ups would become a dead letter."""
        return [job_id for job_id in job_ids if self._alone(self.jobs.get, job_id)]

    def _invalidate(self) -> None:
        """Ask CloudFront to invalidate removed results; after a failure, the next sweep tries again."""
        try:
            self.removals.invalidate(self.cloudfront, self.distribution)
        except (BotoCoreError, ClientError):
            logger.exception(Metric.NOT_INVALIDATED)
            self.count(Metric.NOT_INVALIDATED, 1)

    def _alone(self, look: Callable[[str], T], job_id: str) -> T | None:
        """Return `look(job_id)`, or None if that raises an error, so that one job cannot hold up the others.

        The job remains overdue or waiting, and alarms watch both.
        """
        try:
            return look(job_id)
        except Exception:  # noqa: BLE001 - reported in the log and by an alarm
            logger.exception(Metric.JOB_NOT_SWEPT, job_id=job_id)
            self.count(Metric.JOB_NOT_SWEPT, 1)
            return None

    def _chase(self, job_id: str) -> None:
        """Recover a job that should have moved on: its function or its task hangs, or ended unnoticed."""
        job = self.jobs.get(job_id)
        now = self.jobs.clock()
        if job is None or job.is_final or job.state is State.WAITING or job.due > now:
            return
        if job.state is State.WORKING:
            why = "Its function did not finish: it timed out, or ran out of memory."
            then = self.jobs.try_again(job_id, job.attempt, why)
            if then and then.state is State.FAILED:
                self.count(Metric.JOB_FAILED, 1)
        elif not job.task_arn and job.state is State.RUNNING:
            self._follow(
                StoppedTask(job_id=job_id, attempt=job.attempt, next_step=NextStep.FAILED, why=OVERDUE)
            )
        elif not job.task_arn:
            # The claiming function ended before it knew the task; RunTask with the same token returns it.
            self.jobs.postpone(job_id)
        elif task := self._task(job):
            if task["lastStatus"] == "STOPPED" and (stop := parse_stopped_task(task)):
                self._follow(stop)
                self._account(stop)
            else:
                reason = OVERDUE if job.state is State.RUNNING else NEVER_STARTED
                self.ecs.stop_task(cluster=self.cluster, task=job.task_arn, reason=reason)
                next_step = NextStep.FAILED if job.state is State.RUNNING else NextStep.AGAIN
                self._follow(StoppedTask(job_id=job_id, attempt=job.attempt, next_step=next_step, why=reason))
        else:
            why = "ECS no longer knows its task, and no event said how it ended."
            self._follow(StoppedTask(job_id=job_id, attempt=job.attempt, next_step=NextStep.AGAIN, why=why))

    def _task(self, job: Job) -> Mapping[str, Any] | None:
        """Return the task's description; None once ECS has forgotten it, about an hour after its end."""
        found = self.ecs.describe_tasks(cluster=self.cluster, tasks=[job.task_arn])["tasks"]
        return dict(found[0]) if found else None
