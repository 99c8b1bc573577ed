"""Entry point of the service, `python -m container.queue_worker`. Names the kinds of work in its image."""

import os
import signal
import sys

if __name__ == "__main__":
    # Process 1 of a container gets no SIGTERM until it has a handler, and imports take seconds.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

from collections.abc import Mapping, Sequence

from container.queue_worker.run import main
from runtime.imaging.limits import Limits
from runtime.work.environment import ScanEnvironment
from runtime.work.scans import Scans
from runtime.work.work import Work


def kinds(variables: Mapping[str, str]) -> Sequence[Work]:
    """Return the work that this image ships: scans into tiles."""
    told = ScanEnvironment.from_variables(variables)
    return [Scans(limits=Limits(max_pixels=told.max_pixels, max_bytes=told.max_bytes))]


if __name__ == "__main__":
    sys.exit(main(kinds))
