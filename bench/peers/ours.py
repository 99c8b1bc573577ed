"""Makes three renditions of a photo with our code: ours.py PHOTO webp|jpeg COUNT.

Repeats that COUNT times after a warm-up; prints CPU seconds per repetition.
"""

import sys
import time
from pathlib import Path

from runtime.imaging.limits import Limits
from runtime.imaging.probe import probe_bytes
from runtime.imaging.renditions import LONG_EDGES, render, scale

path, kind, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])


def work() -> None:
    data = path.read_bytes()
    header = probe_bytes(data)
    if kind == "webp":
        render(data, header, Limits())
    else:
        for image in scale(data, header, Limits(), LONG_EDGES):
            image.jpegsave_buffer(Q=80, keep="none")


for number in range(count + 1):
    if number == 1:
        started = time.process_time()
    work()
print((time.process_time() - started) / count if count else 0)
