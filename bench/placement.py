"""The placement's estimates for random files, compared with measurements."""

import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from bench.kinds import KINDS, draw
from bench.measure import ROOT, run, save, sized
from runtime.imaging.probe import probe_file
from runtime.placement.placement import Estimate
from runtime.work.scan_estimate import estimate

COUNT, SEED = sized(3, 1) * len(KINDS), 0
MOST = sized(1.0, 0.02)
"""Largest size of a file, as a share of its kind's maximum; one megapixel if that share is less."""
PEER = ROOT / "bench" / "peers" / "pyramid.py"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One file: estimated and measured memory in MB and CPU seconds."""

    kind: str
    estimated: Estimate
    peak_mb: float
    cpu: float

    @property
    def memory(self) -> float:
        """Ratio of estimated to measured memory."""
        return self.estimated.memory_mb / self.peak_mb


def compare(seed: int, count: int = COUNT, most: float = MOST) -> list[Compared]:
    """Make, measure and estimate `count` files from that seed. most: as in `draw`."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for drawn in track(draw(seed, count, Path(folder), most), description=f"seed {seed}", total=count):
            ran = run([sys.executable, PEER, "ours", drawn.file], VIPS_CONCURRENCY="2")
            estimated = estimate(probe_file(drawn.file), drawn.file.stat().st_size)
            found.append(
                Compared(kind=drawn.kind, estimated=estimated, peak_mb=float(ran.printed), cpu=ran.cpu)
            )
            drawn.file.unlink()
    return found


def main() -> None:
    compared = compare(SEED)
    head = ["kind", "peak memory, MB", "estimate / peak", "estimated CPU / CPU"]
    rows = []
    for kind in KINDS:
        ours = [one for one in compared if one.kind == kind]
        peaks = [one.peak_mb for one in ours]
        ratios = [one.memory for one in ours]
        times = [one.estimated.cpu_seconds / one.cpu for one in ours]
        rows.append(
            [
                kind,
                f"{min(peaks):.0f} to {max(peaks):.0f}",
                f"{min(ratios):.2f} to {max(ratios):.2f}",
                f"{min(times):.2f} to {max(times):.2f}",
            ]
        )
    everything = [one.memory for one in compared]
    within = sum(one <= 2 for one in everything) / len(everything)
    figures = {"seed": SEED, "least": min(everything), "within twice": within}
    sys.stdout.write(
        f"{len(compared)} files: estimate / peak from {min(everything):.2f} to {max(everything):.2f}, "
        f"median {statistics.median(everything):.2f}; {within:.0%} within twice the peak\n"
    )
    save("placement", {"figures": figures, "table": [head, *rows]})


if __name__ == "__main__":
    main()
