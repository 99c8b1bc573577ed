"""`python3 -m chooser FILE.toml`: Lambda or Fargate, why, what it costs, and what would change that.

Prices are list prices of the workload's Region without discounts; chooser/prices.toml, chooser/regions/ and
files written by the command `prices` list each with source and date. Other commands: serve, observe, prices;
each has `--help`.
"""

import gc
import sys
from collections.abc import Sequence
from datetime import date

from chooser.keys import KEYS, WorkloadError, load
from chooser.prices import as_of, named, stale
from chooser.refusal import refused
from chooser.report import (
    HEAD,
    Answer,
    answer,
    as_json,
    as_markdown,
    details,
    paragraphs,
    plain,
    pretty,
    rows,
)
from chooser.workload import ARCHITECTURES

FORMATS = (".svg", ".png", ".pdf")


COMMANDS = {"serve": "chooser.serve", "observe": "chooser.observe", "prices": "chooser.price_list"}
"""The subcommands, each with its module."""


def main(arguments: Sequence[str]) -> int:
    """Print the answer for a workload, or run another command. Returns the exit code."""
    if arguments and arguments[0] in COMMANDS:
        from importlib import import_module

        return int(import_module(COMMANDS[arguments[0]]).main(arguments[1:]))
    return _answer(arguments)


def _answer(arguments: Sequence[str]) -> int:
    import argparse

    keys = "\n".join(f"  {name:<24}{key.what}" for name, key in KEYS.items())
    parser = argparse.ArgumentParser(
        prog="python3 -m chooser",
        description=__doc__,
        epilog=f"Keys of a workload file; name, requests, duration_ms and memory_mb are required:\n{keys}",
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=99),
    )
    parser.add_argument("file", help="a workload, such as examples/thumbnails.toml")
    parser.add_argument("--compare", action="store_true", help="print every item of every bill")
    parser.add_argument("--json", action="store_true", help="for programs, with inputs, prices and sources")
    parser.add_argument("--markdown", action="store_true", help="a decision record to commit")
    parser.add_argument("--plot", metavar="OUT.svg", help="cost against load: .svg, .png or .pdf")
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="", help="consider only this one")
    parser.add_argument("--free-tier", action="store_true", help="deduct the free tiers that do not expire")
    options = parser.parse_args(arguments)
    try:
        if options.plot and not options.plot.endswith(FORMATS):
            raise WorkloadError(f"--plot {options.plot}: its name must end with {', '.join(FORMATS)}.")
        workload = load(options.file)
        measured = ", ".join(workload.duration_ms)
        if options.architecture and options.architecture not in workload.duration_ms:
            raise WorkloadError(f"--architecture {options.architecture}: duration_ms only has {measured}.")
        found = answer(workload, architecture=options.architecture, free=options.free_tier)
        if warning := stale(date.today(), workload.region):
            print(f"Warning: {warning}", file=sys.stderr)
        if options.json:
            print(as_json(found))
        elif options.markdown:
            print(as_markdown(found, date.today()))
        else:
            _print(found, options.compare)
        if options.plot:
            _plot(found, options.architecture or found.best.architecture, options.plot, options.free_tier)
    except OSError as error:
        return refused(f"{error.filename}: {error.strerror}")
    except WorkloadError as error:
        return refused(error)
    return 0


def _print(found: Answer, compare: bool) -> None:
    table = pretty if sys.stdout.isatty() else lambda head, lines: print(plain(head, lines))
    print(f"{found.load.name}: {found.load.requests:,.0f} requests a month\n\n{found.text}\n")
    table(HEAD, details(found.verdicts) if compare else rows(found.verdicts))
    if found.best.possible and not compare:
        print()
        bill = [(item.what, f"{item.usd:,.2f}", ", ".join(item.unverified)) for item in found.best.items]
        table((f"the bill of {found.best.candidate}", "USD a month", ""), bill)
    for title, lines in paragraphs(found):
        print(f"\n{title}")
        for line in lines:
            print(f"  {line}")
    region = found.load.region
    print(f"\nList prices of {region} as of {as_of(region)}; each with its source in {named(region)}.")


def _plot(found: Answer, architecture: str, file: str, free: bool) -> None:
    if not found.best.possible:
        raise WorkloadError("--plot: every candidate is ruled out, so there is nothing to draw.")
    try:
        from chooser.plot import plot
    except ImportError:
        raise WorkloadError("--plot needs matplotlib: . .venv/bin/activate") from None
    plot(found.load, architecture, file, free=free)


if __name__ == "__main__":
    if sys.argv[1:2] != ["serve"]:
        gc.disable()  # an answer is short-lived: garbage collection would take a tenth of its CPU
    code = main(sys.argv[1:])
    gc.freeze()
    sys.exit(code)
