"""Entry point of the worker for `videos=on`: like container/worker/__main__.py, but with videos too."""

import os
import signal
import sys

if __name__ == "__main__":
    # Before the imports, as in container/worker: process 1 gets no SIGTERM until it has a handler.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(4))

from collections.abc import Mapping, Sequence

from container.worker.__main__ import kinds as scans
from container.worker.run import main
from runtime.work.environment import VideoEnvironment
from runtime.work.videos.facts import VideoLimits
from runtime.work.videos.videos import Videos
from runtime.work.work import Work


def kinds(variables: Mapping[str, str]) -> Sequence[Work]:
    """Return the kinds of work that this image ships: scans into tiles, and videos into MP4."""
    told = VideoEnvironment.from_variables(variables)
    limits = VideoLimits(seconds=told.max_video_seconds, bytes=told.max_video_bytes)
    return [*scans(variables), Videos(limits=limits)]


if __name__ == "__main__":
    sys.exit(main(kinds))
