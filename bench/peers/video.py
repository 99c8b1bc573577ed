"""`python -m bench.peers.video FILE FOLDER THREADS`: makes the MP4 of a video as a worker does."""

import json
import math
import resource
import sys
from pathlib import Path

from runtime.work.videos.confined import carry_out
from runtime.work.videos.containers import kind_of
from runtime.work.videos.facts import VideoLimits
from runtime.work.videos.orders import Order


def main(file: Path, folder: str, threads: str) -> None:
    """Print the video's facts, and the peak memory, in MB, of the child process that makes the MP4."""
    with file.open("rb") as opened:
        kind = kind_of(opened.read(4096))
    assert kind
    order = Order(
        kind=kind,
        size=file.stat().st_size,
        limits=VideoLimits(seconds=7200, bytes=10**12),
        file=str(file),
        folder=folder,
        threads=int(threads),
    )
    facts = carry_out(order, deadline=math.inf)["facts"]
    # Of the child: this process was forked itself, so its own peak begins with its parent's.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (
        1024 if sys.platform == "linux" else 2**20
    )
    print(json.dumps({"facts": facts, "peak_mb": peak}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
