"""`python3 -m tests.support.children`: a child process that does what `file` in its JSON input says."""

import json
import os
import signal
import sys
import time


def run(what: str) -> None:
    """Behave as the FFmpeg process might: crash, hang, or answer."""
    match what:
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            print(json.dumps({"progress": 0.5}), flush=True)
            time.sleep(3600)
        case "environment":
            print(json.dumps({"done": dict(os.environ)}), flush=True)
        case "bug":
            raise ValueError(what)
        case "hungry":
            print(json.dumps({"no-memory": "malloc"}), flush=True)
        case _:
            raise AssertionError(what)


if __name__ == "__main__":
    run(json.loads(sys.stdin.readline())["file"])
