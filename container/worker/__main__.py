"""The worker's entry point, `python -m container.worker`: which works it ships."""

import sys
from collections.abc import Mapping, Sequence

from container.worker.run import main
from runtime.imaging.limits import Limits
from runtime.work.scans import Scans
from runtime.work.work import Work


def kinds(environment: Mapping[str, str]) -> Sequence[Work]:
    """Scans to tiles."""
    limits = Limits(max_pixels=int(environment["MAX_PIXELS"]), max_bytes=int(environment["MAX_BYTES"]))
    return [Scans(limits=limits)]


if __name__ == "__main__":
    sys.exit(main(kinds))
