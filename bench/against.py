"""Compares the CPU time of the same work in this checkout and in a revision, round by round."""

import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.progress import track

from bench.measure import ROOT, machine, ratio, sized

ROUNDS = sized(9, 1)
Work = Callable[[Path, ExitStack], dict[str, Callable[[], float]]]
"""Returns functions by name for a checkout; each runs one round and returns CPU seconds, total or per item.

Resources that they need, such as a server, are entered into the ExitStack.
"""


class RevisionError(Exception):
    """Raised when a revision cannot be checked out; the message says why."""


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """Yield a temporary worktree of a revision. Raises RevisionError if git cannot create it."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "revision"
        add = ["git", "worktree", "add", "--detach", str(tree), revision]
        done = subprocess.run(add, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise RevisionError(f"{revision} cannot be checked out: {done.stderr.strip()}")
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)


def compare(revision: str, work: Work) -> None:
    """Print this checkout's and the revision's CPU time, and the median of their ratios by round.

    Raises RevisionError.
    """
    with checkout(revision) as tree, ExitStack() as stack:
        ours, theirs = work(ROOT, stack), work(tree, stack)
        names = [name for name in ours if name in theirs]
        found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in names}
        for round_ in track(range(ROUNDS), description="rounds"):
            for name in names:
                pair = [(found[name][0], ours[name]), (found[name][1], theirs[name])]
                for kept, measure in pair if round_ % 2 else reversed(pair):
                    kept.append(measure())
    width = max(map(len, names))
    print(f"{'':{width}}       here  {revision[:12]:>12}  here / {revision[:12]}")
    for name, (here, there) in found.items():
        row = (
            f"{statistics.median(here):9.4f} s  {statistics.median(there):10.4f} s  {ratio(here, there):.3f}x"
        )
        print(f"{name:{width}}{row}")
    print(f"CPU time, medians of {ROUNDS} rounds, on {machine()}. Not slower means at most 1.05x.")
