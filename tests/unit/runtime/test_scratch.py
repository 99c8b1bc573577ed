"""The scratch folder: whoever creates one removes those of processes that were killed, and no others."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from runtime.scratch import scratch_folder

ROOT = Path(__file__).parents[3]
PROGRAM = """
import pathlib, sys
from runtime.scratch import scratch_folder
folder = scratch_folder(pathlib.Path(sys.argv[1]))
(folder / "half a scan").write_bytes(b"x")
print(folder, flush=True)
sys.stdin.read()
"""


def test_the_folder_of_a_killed_process_is_removed_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    killed, living = (Path((one.stdout.readline() if one.stdout else "").strip()) for one in processes)
    os.kill(processes[0].pid, signal.SIGKILL)
    processes[0].communicate()
    mine = scratch_folder(tmp_path)
    assert not killed.exists()
    assert (living / "half a scan").exists()
    assert list(mine.iterdir()) == []
    processes[1].communicate("")
