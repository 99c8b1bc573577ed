"""`python3 dev.py bench NAME`: measures, stores the result, and writes its table into docs/benchmarks.md.

--smallest runs one small round, which shows that a benchmark still works, and stores nothing. --against REV
measures this checkout and revision REV in turn, and prints the ratios.
"""

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Sequence

NAMES = (
    "backfill",
    "chooser",
    "coldstart",
    "decoding",
    "function",
    "imaging",
    "memory",
    "overload",
    "placement",
    "pyramid",
    "quality",
    "servers",
    "service",
    "stream",
    "video",
    "worker",
)


def main(arguments: Sequence[str]) -> int:
    """Run a benchmark, or all of them. Returns the exit code.

    The code is 1 if `all` was given and a benchmark failed, or if revisions cannot be compared.
    """
    parser = argparse.ArgumentParser(prog="python3 dev.py bench", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"], help="what to measure")
    parser.add_argument("--smallest", action="store_true", help="one small round; keeps nothing")
    parser.add_argument("--against", metavar="REV", help="a commit, tag or branch to compare with")
    options = parser.parse_args(arguments)
    if options.name == "all":
        rest = [one for one in arguments if one != "all"]
        ended = {name: subprocess.run([sys.executable, "-m", "bench", name, *rest]) for name in NAMES}
        failed = [name for name, done in ended.items() if done.returncode]
        print(f"{len(NAMES)} benchmarks, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)}.")
        return 1 if failed else 0
    if options.smallest:
        # Before the import: sizes are module constants. Child processes inherit the variable.
        os.environ["BENCH_SMALLEST"] = "1"
    bench = importlib.import_module(f"bench.{options.name}")
    if not options.against:
        bench.main()
        return 0
    from bench.against import RevisionError, compare

    if not hasattr(bench, "work"):
        print(f"Error: bench {options.name} cannot compare revisions.")
        return 1
    try:
        compare(options.against, bench.work)
    except RevisionError as error:
        print(f"Error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
