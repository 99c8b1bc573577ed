"""Handling of one message, and how that ended."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from container.queue_worker.metrics import Metric
from runtime.events import Change, ObjectEvent, parse_event
from runtime.exits import DONE, REJECTED
from runtime.placement.one_size import TaskSize
from runtime.rejection import Reason, Rejected
from runtime.work.works import Works


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How handling a message ended. exit: a worker's exit code (runtime/exits.py). facts: for the log."""

    exit: int
    metric: Metric
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Handler:
    """Handles the messages of the queue.

    Attributes:
        size: size of this task; a job that does not fit is rejected.
    """

    works: Works
    size: TaskSize

    def run(self, body: str) -> Ending:
        """Handle an event of the source bucket. Idempotent: a repeated event publishes the same result.

        Raises StoppedError, the EXPECTED errors of runtime/exits.py, and ValueError for anything that is not
        an event of a versioned bucket.
        """
        event = parse_event(json.loads(body))
        facts = {"job_id": event.job_id, "key": event.key}
        if event.is_folder:
            return Ending(exit=DONE, metric=Metric.IGNORED, facts=facts)
        if event.change is not Change.CREATED:
            self.works.output.apply_deletion(event)
            return Ending(exit=DONE, metric=Metric.DELETED, facts=facts)
        if self._is_overtaken(event):
            return Ending(exit=DONE, metric=Metric.SUPERSEDED, facts=facts)
        try:
            moved = self._work(event)
        except Rejected as rejected:
            self.works.output.reject(event, rejected.reason, rejected.message)
            explained = {**facts, "explanation": rejected.one_line}
            return Ending(exit=REJECTED, metric=Metric.REJECTED, facts=explained)
        return Ending(exit=DONE, metric=Metric.DONE if moved else Metric.SUPERSEDED, facts=facts)

    def _work(self, event: ObjectEvent) -> bool:
        if why := self.size.refusal(self.works.estimate(event)):
            raise Rejected(Reason.TOO_MUCH_WORK, f"{why} Upload a smaller one.")
        return self.works.run(event, deadline=time.monotonic() + self.size.seconds)

    def _is_overtaken(self, event: ObjectEvent) -> bool:
        """Return whether the key already shows something newer.

        If so, remove the event's results, unless they were published.
        """
        output = self.works.output
        if not output.is_overtaken(event):
            return False
        output.discard(event.job_id)
        return True
