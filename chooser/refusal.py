"""How every chooser command fails: a sentence on standard error, and exit code 1."""

import sys


def refused(why: object) -> int:
    """Print the reason, and return the exit code."""
    print(f"Error: {why}", file=sys.stderr)
    return 1
