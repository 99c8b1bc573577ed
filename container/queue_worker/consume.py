"""The queue's consumer: one message at a time, its visibility extended, its task protected from scale-in."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from container.queue_worker.handle import Ending
from container.queue_worker.metrics import Metric
from container.queue_worker.protection import Protection
from runtime.exits import AGAIN, DONE, EXPECTED, REJECTED, StoppedError, exit_code
from runtime.log_lines import log_line
from runtime.pauses import pause_after

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

WAIT_SECONDS = 10
"""Long-poll time per receive, and so how long a task that is told to stop may wait for a message."""
FINISH_SECONDS = 90
"""How long a job may continue once the task is told to stop; the remaining stop timeout is for returning it.
"""
TROUBLE_SECONDS = 5
"""Pause after a failed receive before the queue is polled again."""

Say = Callable[[Metric, Mapping[str, Any], float | None], None]
"""Counts and logs an event with its facts, and a handled message's duration in milliseconds (else None)."""


@dataclass(kw_only=True)
class Consumer:
    """The main loop of the service.

    Attributes:
        hidden_seconds: the queue's visibility timeout.
        stopping: set once the task is told to stop.
        is_working: whether `StoppedError` has something to interrupt.
    """

    sqs: "SQSClient"
    queue_url: str
    hidden_seconds: int
    handle: Callable[[str], Ending]
    protection: Protection
    say: Say
    stopping: threading.Event
    is_working: bool = field(default=False, init=False)

    def run(self) -> int:
        """Consume until the task is told to stop.

        Returns DONE, or AGAIN if a job was returned to the queue because of that.
        """
        code = DONE
        while not self.stopping.is_set():
            if message := self._receive():
                code = self._attempt(message)
        return code

    def _receive(self) -> "MessageTypeDef | None":
        try:
            answer = self.sqs.receive_message(
                QueueUrl=self.queue_url,
                WaitTimeSeconds=WAIT_SECONDS,
                MaxNumberOfMessages=1,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        except (BotoCoreError, ClientError) as error:
            self._tell(_failed(error))
            self.stopping.wait(TROUBLE_SECONDS)
            return None
        return next(iter(answer.get("Messages", [])), None)

    def _attempt(self, message: "MessageTypeDef") -> int:
        """Handle a received message.

        Returns AGAIN if the task was told to stop and the message was returned to the queue, else DONE.
        """
        started, returned = time.monotonic(), Metric.NOT_BEGUN
        ending: Ending | None = None
        with self._hidden(message), self._protected(), suppress(StoppedError):
            self.is_working = True  # before the check, so that no signal falls between the two
            try:
                if not self.stopping.is_set():
                    returned = Metric.GIVEN_BACK
                    ending = self._work(message["Body"])
            finally:
                self.is_working = False
        if ending is None:
            self._hide(message, 0)
            self.say(returned, {"message_id": message["MessageId"]}, None)
            return AGAIN
        self._settle(message, ending)
        self._tell(ending, (time.monotonic() - started) * 1000, message_id=message["MessageId"])
        return DONE

    def _work(self, body: str) -> Ending:
        """Work on a message's body. Raises StoppedError."""
        try:
            return self.handle(body)
        except EXPECTED as error:
            return _failed(error, body=body)
        except Exception as error:  # noqa: BLE001 - a bug, which the next message may not hit
            return _failed(error, body=body, trace=traceback.format_exc())

    def _settle(self, message: "MessageTypeDef", ending: Ending) -> None:
        """Delete a message that is done or rejected.

        Others are retried, and dead-lettered after their last receive.
        """
        if ending.exit not in (DONE, REJECTED):
            self._hide(message, pause_after(int(message["Attributes"]["ApproximateReceiveCount"])))
            return
        try:
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        except (BotoCoreError, ClientError) as error:  # it comes again, and finds its result published
            self._tell(_failed(error), message_id=message["MessageId"])

    def _tell(self, ending: Ending, milliseconds: float | None = None, **facts: str) -> None:
        self.say(ending.metric, {"exit": ending.exit, **facts, **ending.facts}, milliseconds)

    @contextmanager
    def _protected(self) -> Iterator[None]:
        if why := self.protection.begin():
            log_line(f"Not protected from scale-in: {why}")
        try:
            yield
        finally:
            self.protection.end()

    @contextmanager
    def _hidden(self, message: "MessageTypeDef") -> Iterator[None]:
        """Extend the message's visibility timeout while the block runs, so that jobs may outlast it."""
        over = threading.Event()

        def extend() -> None:
            while not over.wait(self.hidden_seconds / 3):
                self._hide(message, self.hidden_seconds)

        heartbeat = threading.Thread(target=extend, daemon=True)
        heartbeat.start()
        try:
            yield
        finally:
            over.set()
            heartbeat.join()

    def _hide(self, message: "MessageTypeDef", seconds: int) -> None:
        """Change the visibility timeout.

        A failure is harmless: the message is only retried sooner or later than intended.
        """
        try:
            self.sqs.change_message_visibility(
                QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
            )
        except (BotoCoreError, ClientError) as error:
            log_line(f"Visibility not changed: {error}")


def _failed(error: Exception, **more: str) -> Ending:
    """Return the ending for an error, with its exit code. more: facts for the log."""
    code, why = exit_code(error)
    metric = Metric.AGAIN if code == AGAIN else Metric.FAILED
    return Ending(exit=code, metric=metric, facts={"why": why, **more})
