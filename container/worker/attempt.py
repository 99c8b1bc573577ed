"""One attempt at a job, from reading its record to publishing results, with progress in between."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from runtime.exits import DONE, REJECTED, StoppedError
from runtime.jobs.record import OVERTAKEN, Job
from runtime.jobs.table import JobStore
from runtime.rejection import Rejected
from runtime.work.works import Works, source_gone

EVERY_SECONDS = 10


class SupersededError(Exception):
    """Raised when the job has moved on without this attempt."""


class OvertakenError(Exception):
    """Raised when the key already shows a newer version or a deletion, so nobody would see the result."""


@dataclass(kw_only=True)
class Attempt:
    """One attempt.

    Attributes:
        number: number of the attempt.
        task_arn: ARN of this task, if known.
        seconds: time limit.
        say: logs an exit code and its reason, and returns the code.
        is_stopped: whether the task was told to stop.
    """

    job_id: str
    number: int
    task_arn: str
    seconds: float
    jobs: JobStore
    works: Works
    say: Callable[[int, str], int]
    is_stopped: Callable[[], bool]
    _told: float = field(default=0, init=False)

    def run(self) -> int:
        """Run the attempt and return the exit code.

        Raises StoppedError, and any error that is not a rejection.
        """
        deadline = time.monotonic() + self.seconds
        job = self.jobs.begin(self.job_id, self.number, self.task_arn, self.seconds)
        if job is None:
            return self.say(DONE, "The job is not waiting for this attempt: nothing to do.")
        self._told = time.monotonic()
        progress = partial(self._progress, job)
        try:
            moved = self.works.run(job.event, deadline=deadline, progress=progress, placed=job.placed)
        except Rejected as rejected:
            return self._rejected(job, rejected)
        except SupersededError:
            return self.say(DONE, "The job has moved on without this attempt.")
        except OvertakenError:
            self.works.output.discard(self.job_id)
            moved = False
        self.jobs.complete(job, "" if moved else OVERTAKEN)
        return self.say(DONE, "Done." if moved else OVERTAKEN)

    def _rejected(self, job: Job, rejected: Rejected) -> int:
        self.works.output.reject(job.event, rejected.reason, rejected.message)
        self.jobs.reject(self.job_id, rejected.one_line)
        return self.say(REJECTED, rejected.one_line)

    def _progress(self, job: Job, share: float) -> None:
        if self.is_stopped():  # Python ignores what a signal handler raises in a finaliser or callback
            raise StoppedError
        if time.monotonic() - self._told < EVERY_SECONDS:
            return
        self._told = time.monotonic()
        try:
            mine = self.jobs.progress(self.job_id, self.number, int(share * 100))
            wanted = self.works.output.confirm_source(job.event)
            overtaken = self.works.output.is_overtaken(job.event)
            if overtaken and (now := self.jobs.get(self.job_id)):  # its version may have a later event
                overtaken = self.works.output.is_overtaken(now.event)
        except (BotoCoreError, ClientError) as error:  # hours of work are worth more than a percentage
            self.say(DONE, f"Progress could not be saved, or the source could not be checked: {error}")
            return
        if not mine:
            raise SupersededError
        if not wanted:
            raise source_gone()
        if overtaken:
            raise OvertakenError
