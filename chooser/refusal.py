"""How chooser commands fail: a sentence on standard error, and exit code 1 (argparse's own errors: 2)."""

import sys


def refused(why: object) -> int:
    """Print the reason, and return the exit code."""
    print(f"Error: {why}", file=sys.stderr)
    return 1
