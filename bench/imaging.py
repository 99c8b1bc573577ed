"""12 MP JPEG to three renditions: ours against sharp and Pillow, each as documented and with our recipe."""

import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.measure import interleaved, ratio, run, save, sized
from bench.photos import jpeg

PEERS = Path(__file__).parent / "peers"
ROUNDS, COUNT = sized(7, 1), sized(3, 1)
PHOTO, LARGE = sized((4000, 3000), (800, 600)), sized((8000, 6000), (1600, 1200))
OURS = "runtime/imaging/"


def commands(photo: Path, kind: str, count: int) -> dict[str, Sequence[str | Path]]:
    sharp: list[str | Path] = ["node", PEERS / "sharp.mjs", photo, kind, str(count)]
    pillow: list[str | Path] = [sys.executable, PEERS / "pillow.py", photo, kind, str(count)]
    return {
        OURS: [sys.executable, PEERS / "ours.py", photo, kind, str(count)],
        "sharp, one pipeline per size": [*sharp, "each"],
        "sharp, our recipe": [*sharp, "once"],
        "Pillow, one decode per size": [*pillow, "plain"],
        "Pillow, our recipe": [*pillow, "once"],
    }


def work(tree: Path, _: ExitStack) -> dict[str, Callable[[], float]]:
    """Return, by format, functions that measure the CPU of a checkout's renditions of a 12 MP photo."""

    def of(kind: str) -> Callable[[], float]:
        command: list[str | Path] = [
            sys.executable,
            tree / "bench" / "peers" / "ours.py",
            jpeg(*PHOTO),
            kind,
            str(COUNT),
        ]
        return lambda: float(run(command, tree=tree).printed)

    return {kind: of(kind) for kind in ("webp", "jpeg")}


def main() -> None:
    """Run all rounds and store the result."""
    # In another process: the peak of a child begins at the size of its parent.
    run([sys.executable, "-c", f"from bench.photos import jpeg; jpeg(*{PHOTO}); jpeg(*{LARGE})"])
    rows: dict[str, list[str]] = {}
    figures: dict[str, dict[str, float]] = {}
    for kind in ("webp", "jpeg"):
        runs = interleaved(commands(jpeg(*PHOTO), kind, COUNT), ROUNDS)
        cpu = {name: [float(one.printed) for one in found] for name, found in runs.items()}
        for name, seconds in cpu.items():
            ours = ratio(cpu[OURS], seconds)
            rows.setdefault(name, [name]).extend(
                [f"{statistics.median(seconds) * 1000:.0f} ms", f"{ours:.2f}x"]
            )
            figures.setdefault(name, {})[kind] = round(ours, 3)
    runs = interleaved(commands(jpeg(*LARGE), "webp", 0), sized(3, 1))
    for name, found in runs.items():
        peak = statistics.median(one.peak_mb for one in found)
        rows[name].append(f"{peak:.0f} MB")
        figures[name]["peak_mb"] = round(peak, 1)
    head = ["", "WebP, CPU", "ours / this", "JPEG, CPU", "ours / this", "peak memory, 48 MP"]
    save("imaging", {"rounds": ROUNDS, "figures": figures, "table": [head, *rows.values()]})


if __name__ == "__main__":
    main()
