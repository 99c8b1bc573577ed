"""The queue worker as a process: a job that cannot finish in time after SIGTERM goes back to the queue."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from container.queue_worker.metrics import Metric
from container.queue_worker.run import TOLD
from runtime.exits import AGAIN

ROOT = Path(__file__).parents[3]
LONG_JOB = """
import sys, threading, time
from container.queue_worker import run
from container.queue_worker.consume import Consumer
from container.queue_worker.protection import Protection
from runtime.exits import StoppedError
from tests.unit.container.test_queue_worker import Sqs

def handle(body):
    print("at work", flush=True)
    for _ in range(int(sys.argv[1])):
        try:
            threading.Event().wait(600)
        except StoppedError:  # ignored, as by Python if the signal arrives in a finaliser
            pass
    threading.Event().wait(600)

def consumer(kinds, stopping):
    return Consumer(
        sqs=Sqs("a", "b"),
        queue_url="",
        hidden_seconds=300,
        handle=handle,
        protection=Protection(agent="", minutes=1, wait=stopping.wait),
        say=lambda metric, facts, milliseconds: print(metric, flush=True),
        stopping=stopping,
    )

class SlowExit:  # after Python has given up its signal handlers
    def __del__(self):
        time.sleep(4 * run.SWALLOWED_SECONDS)

slow_exit = SlowExit()
run._consumer, run.FINISH_SECONDS, run.SWALLOWED_SECONDS = consumer, 0.1, 0.5
sys.exit(run.main(lambda variables: []))
"""


@pytest.mark.parametrize("swallowed", [0, 1])
def test_a_job_that_does_not_finish_in_time_after_sigterm_is_given_back(swallowed: int) -> None:
    command = [sys.executable, "-c", LONG_JOB, str(swallowed)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == "at work\n"
        worker.terminate()
        said, _ = worker.communicate(timeout=300)
    told = json.dumps({"message": TOLD, "is_working": True})
    assert (said, worker.returncode) == (f"{told}\n{Metric.GIVEN_BACK}\n", AGAIN)
