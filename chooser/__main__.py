"""`python -m chooser FILE.toml`: Lambda or Fargate, why, and what it costs.

Prices are list prices of us-east-1 without discounts; `chooser/prices.toml` has each with source and date.
"""

import gc
import sys
from collections.abc import Sequence
from datetime import date

from chooser.choose import choose, sentence
from chooser.prices import as_of, stale
from chooser.report import as_json, details, plain, pretty, rows
from chooser.workload import ARCHITECTURES, Workload, WorkloadError, load

HEAD = ("candidate", "USD a month", "")


def main(arguments: Sequence[str]) -> int:
    import argparse

    parser = argparse.ArgumentParser(
        prog="python3 -m chooser",
        description=__doc__,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=99),
    )
    parser.add_argument("file", help="a workload, such as examples/thumbnails.toml")
    parser.add_argument("--compare", action="store_true", help="every item of every bill")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--plot", metavar="OUT.svg", help="cost against load, as a picture")
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="", help="only that one")
    parser.add_argument("--free-tier", action="store_true", help="with the free tiers that do not end")
    options = parser.parse_args(arguments)
    try:
        found = load(options.file)
        measured = ", ".join(found.duration_ms)
        if options.architecture and options.architecture not in found.duration_ms:
            raise WorkloadError(f"--architecture {options.architecture}: duration_ms has {measured} only.")
        _answer(found, options.architecture, options.free_tier, options.compare, options.json)
        if options.plot:
            try:
                from chooser.plot import plot
            except ImportError:
                raise WorkloadError("--plot needs matplotlib: . .venv/bin/activate") from None

            plot(found, options.architecture or next(iter(found.duration_ms)), options.plot)
    except OSError as error:
        print(f"Error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except WorkloadError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def _answer(found: Workload, architecture: str, free: bool, compare: bool, as_text: bool) -> None:
    verdicts = choose(found, architecture=architecture, free=free)
    answer = sentence(verdicts)
    if warning := stale(date.today()):
        print(f"Warning: {warning}", file=sys.stderr)
    if as_text:
        print(as_json(found, verdicts, answer))
        return
    lines = details(verdicts) if compare else rows(verdicts)
    print(f"{found.name}: {found.requests:,.0f} requests a month\n\n{answer}\n")
    if sys.stdout.isatty():
        pretty(HEAD, lines)
    else:
        print(plain(HEAD, lines))
    print(f"\nList prices of us-east-1 as of {as_of()}; each with its source in chooser/prices.toml.")


if __name__ == "__main__":
    code = main(sys.argv[1:])
    gc.freeze()  # else the end looks through all of it for garbage: a tenth of an answer's CPU
    sys.exit(code)
