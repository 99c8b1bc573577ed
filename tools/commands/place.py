"""`python3 dev.py place FILE`: where a scan would be processed, and why."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from runtime.imaging.probe import probe_file
from runtime.placement.placement import Placement, Where, place
from runtime.rejection import Rejected
from runtime.work.scan_estimate import estimate


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py place", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--from", dest="start", type=Path, default=Path(), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    file = options.start / options.file
    try:
        found = place(estimate(probe_file(file), file.stat().st_size))
    except OSError as error:
        print(f"Error: {options.file}: {error.strerror}", file=sys.stderr)
        return 1
    except Rejected as error:
        print(f"Error: {options.file}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(found)) if options.json else format_placement(found))
    return 0


def format_placement(found: Placement) -> str:
    """Format the placement for people to read."""
    takes = found.estimate
    lines = [f"{found.where.upper()}: {found.reason}", f"  decided by  {found.decided_by}"]
    if found.where is Where.FARGATE:
        task = f"{found.cpu / 1024:g} vCPU, {found.memory_mb / 1024:g} GB, {found.disk_gib} GiB of disk"
        lines.append(f"  task        {task}")
    lines.append(
        f"  estimate    {takes.cpu_seconds:,.0f} s of CPU, {takes.memory_mb:,.0f} MB of memory, "
        f"{takes.disk_mb:,.0f} MB of disk"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
