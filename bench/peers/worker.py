"""The worker as its task runs it; prints its peak memory in MB and its CPU seconds."""

import resource
import sys
from pathlib import Path

from container.worker.__main__ import kinds
from container.worker.run import main

code = main(kinds)
used = resource.getrusage(resource.RUSAGE_SELF)
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
sys.stdout.write(f"{peak} {used.ru_utime + used.ru_stime}\n")
sys.exit(code)
