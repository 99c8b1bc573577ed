"""How every command of the chooser refuses: a sentence on standard error, and 1."""

import sys


def refused(why: object) -> int:
    """Print why, and return the exit code."""
    print(f"Error: {why}", file=sys.stderr)
    return 1
