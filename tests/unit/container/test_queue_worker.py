"""The queue's consumer: what becomes of a message, whatever happens in the meantime."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from container.queue_worker import consume
from container.queue_worker.consume import Consumer
from container.queue_worker.handle import Ending
from container.queue_worker.metrics import Metric, line
from container.queue_worker.protection import Protection
from runtime.deadline import DeadlineExceededError
from runtime.exits import AGAIN, DONE, FAILED, REJECTED, StoppedError
from runtime.pauses import PAUSES

HIDDEN = 300
ROOT = Path(__file__).parents[3]


@dataclass
class Agent:
    """A task agent's endpoint. failing: failures with which it answers the first requests, in turn."""

    url: str = ""
    states: list[bool] = field(default_factory=list)
    failing: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def agent() -> Iterator[Agent]:
    """Yield a fake of the endpoint that protects a task from scale-in.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
    """
    made = Agent()

    class Answers(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/api/task-protection/v1/state"
            assert asked["ProtectionEnabled"] is False or 1 <= asked["ExpiresInMinutes"] <= 2880
            answer = made.failing.pop(0) if made.failing else {"protection": {}}
            if "protection" in answer:
                made.states.append(asked["ProtectionEnabled"])
            self.send_response(400 if "error" in answer else 200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    made.url = f"http://127.0.0.1:{server.server_port}/api"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


class Sqs:
    """A queue that delivers its messages and records requests."""

    def __init__(self, *bodies: str, receives: int = 1) -> None:
        self.waiting = [
            {
                "MessageId": f"m{number}",
                "ReceiptHandle": f"r{number}",
                "Body": body,
                "Attributes": {"ApproximateReceiveCount": str(receives)},
            }
            for number, body in enumerate(bodies)
        ]
        self.deleted: list[str] = []
        self.hidden: list[tuple[str, int]] = []
        self.extended = threading.Event()
        self.when_empty: Callable[[], None] = lambda: None

    def receive_message(self, **_: Any) -> dict[str, Any]:
        if not self.waiting:
            self.when_empty()
            return {}
        return {"Messages": [self.waiting.pop(0)]}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        self.deleted.append(ReceiptHandle)

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        self.hidden.append((ReceiptHandle, VisibilityTimeout))
        if len(self.hidden) >= 2:
            self.extended.set()


@dataclass
class Service:
    """A consumer of a fake queue, and what it reported."""

    sqs: Sqs
    handle: Callable[[str], Ending]
    agent: Agent = field(default_factory=Agent)
    hidden_seconds: float = HIDDEN
    said: list[tuple[Metric, Mapping[str, Any]]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """Run until the queue is empty, or something stops it earlier."""
        self.sqs.when_empty = self.stopping.set
        self.consumer = Consumer(
            sqs=self.sqs,  # type: ignore[arg-type]
            queue_url="https://queue",
            hidden_seconds=self.hidden_seconds,  # type: ignore[arg-type]
            handle=self.handle,
            protection=Protection(agent=self.agent.url, minutes=65, wait=lambda _: self.stopping.is_set()),
            say=lambda metric, facts, _milliseconds: self.said.append((metric, facts)),
            stopping=self.stopping,
        )
        return self.consumer.run()

    @property
    def metrics(self) -> list[Metric]:
        return [metric for metric, _ in self.said]


def done(_body: str) -> Ending:
    return Ending(exit=DONE, metric=Metric.DONE)


def failing(error: BaseException) -> Callable[[str], Ending]:
    def handle(_body: str) -> Ending:
        raise error

    return handle


def refused(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


@pytest.mark.parametrize("ending", [DONE, REJECTED])
def test_a_message_that_is_done_or_rejected_is_deleted(ending: int) -> None:
    service = Service(Sqs("a", "b"), lambda _: Ending(exit=ending, metric=Metric.DONE))
    assert service.run() == DONE
    assert (service.sqs.deleted, service.sqs.hidden) == (["r0", "r1"], [])


@pytest.mark.parametrize(("receives", "seconds"), [*enumerate(PAUSES, start=1), (5, 0)])
@pytest.mark.parametrize(
    ("error", "metric", "code"),
    [
        (refused("SlowDown", 503), Metric.AGAIN, AGAIN),
        (MemoryError(), Metric.AGAIN, AGAIN),
        (refused("AccessDenied", 403), Metric.FAILED, FAILED),
        (DeadlineExceededError("an hour"), Metric.FAILED, FAILED),
        (ValueError("no event"), Metric.FAILED, FAILED),
    ],
    ids=["busy", "memory", "denied", "deadline", "defect"],
)
def test_a_message_that_fails_comes_again_later_each_time_and_is_a_dead_letter_after_the_last_try(
    error: Exception, metric: Metric, code: int, receives: int, seconds: int
) -> None:
    service = Service(Sqs("a", receives=receives), failing(error))
    assert service.run() == DONE
    assert (service.sqs.deleted, service.sqs.hidden) == ([], [("r0", seconds)])
    ((said, facts),) = service.said
    assert (said, facts["exit"]) == (metric, code)
    assert facts["message_id"].startswith("m"), "an operator finds the message in the queue by its id"
    assert facts["body"] == "a", "the body names the object"
    assert json.loads(line("Here", said, facts))["message"] == metric, "the runbook searches for it"
    assert ("trace" in facts) is isinstance(error, ValueError)


def test_one_message_that_fails_does_not_keep_the_next_from_being_done() -> None:
    def handle(body: str) -> Ending:
        return done(body) if body == "good" else failing(KeyError("a defect"))(body)

    service = Service(Sqs("bad", "good"), handle)
    service.run()
    assert (service.sqs.deleted, service.metrics) == (["r1"], [Metric.FAILED, Metric.DONE])


def test_a_job_that_is_cut_short_is_given_back_at_once_and_the_exit_code_says_so() -> None:
    service = Service(Sqs("a", "b"), failing(StoppedError()))
    service.sqs.when_empty = service.stopping.set
    assert service.run() == AGAIN
    assert service.sqs.hidden == [("r0", 0), ("r1", 0)]
    assert service.metrics == [Metric.GIVEN_BACK, Metric.GIVEN_BACK]


def test_a_job_not_begun_when_the_worker_is_told_to_stop_is_given_back_untouched(agent: Agent) -> None:
    service = Service(Sqs("a", "b"), failing(AssertionError("begun")), agent)
    received = service.sqs.receive_message

    def receive(**asked: Any) -> dict[str, Any]:
        service.stopping.set()  # while the queue still answers
        return received(**asked)

    service.sqs.receive_message = receive  # type: ignore[method-assign]
    assert service.run() == AGAIN
    assert (service.sqs.hidden, len(service.sqs.waiting)) == ([("r0", 0)], 1)
    assert service.metrics == [Metric.NOT_BEGUN]
    assert agent.states == [True, False]


def test_a_signal_just_before_a_job_begins_finds_that_the_worker_is_working() -> None:
    """The signal's handler then sets the timer that cuts a long job short."""
    seen: list[bool] = []

    class Asked(threading.Event):
        def is_set(self) -> bool:
            seen.append(service.consumer.is_working)
            return super().is_set()

    service = Service(Sqs("a"), done, stopping=Asked())
    service.run()
    assert seen.count(True) == 1
    assert not service.consumer.is_working


def test_a_worker_told_to_stop_in_the_middle_finishes_its_job_and_takes_no_other() -> None:
    service = Service(Sqs("a", "b"), done)

    def handle(body: str) -> Ending:
        service.stopping.set()
        return done(body)

    service.handle = handle
    assert service.run() == DONE
    assert (service.sqs.deleted, len(service.sqs.waiting)) == (["r0"], 1)


def test_a_message_stays_hidden_however_long_its_job_takes() -> None:
    service = Service(Sqs("a"), done, hidden_seconds=0.03)

    def handle(body: str) -> Ending:
        assert service.sqs.extended.wait(60)
        return done(body)

    service.handle = handle
    service.run()
    assert service.sqs.deleted == ["r0"]
    assert {("r0", 0.03)} == {*service.sqs.hidden}


def test_the_task_is_protected_while_it_works_and_at_no_other_time(agent: Agent) -> None:
    states: list[list[bool]] = []

    def handle(body: str) -> Ending:
        states.append([*agent.states])
        return done(body)

    service = Service(Sqs("a", "b"), handle, agent)
    service.run()
    assert states == [[True], [True, False, True]]
    assert agent.states == [True, False, True, False]


def test_protection_that_is_refused_is_requested_again_and_the_job_is_done_all_the_same(
    agent: Agent, capsys: pytest.CaptureFixture[str]
) -> None:
    agent.failing = [{"failure": {"Reason": "TASK_NOT_VALID"}}, {"error": {"Code": "ServerException"}}]
    Service(Sqs("a"), done, agent).run()
    assert agent.states == [True, False]
    agent.failing = [{"error": {"Code": "AccessDeniedException"}}] * 5
    service = Service(Sqs("a"), done, agent)
    service.run()
    assert service.sqs.deleted == ["r0"]
    assert "AccessDeniedException" in capsys.readouterr().out


def test_a_queue_that_cannot_be_read_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consume, "TROUBLE_SECONDS", 0)
    service = Service(Sqs("a"), done)
    received, failures = service.sqs.receive_message, [refused("ServiceUnavailable", 503)]

    def receive(**asked: Any) -> dict[str, Any]:
        if failures:
            raise failures.pop()
        return received(**asked)

    service.sqs.receive_message = receive  # type: ignore[method-assign]
    service.run()
    assert (service.metrics, service.sqs.deleted) == ([Metric.AGAIN, Metric.DONE], ["r0"])
