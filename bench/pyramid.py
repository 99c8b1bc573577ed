"""CPU and memory of tiling a gigapixel: our writer, with a callback that discards tiles, and dzsave."""

import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pyvips

from bench.measure import ROOT, interleaved, ratio, run, save, sized

WIDTH, HEIGHT = sized((40_000, 25_000), (3000, 2000))
ROUNDS = sized(5, 1)
PEER = ROOT / "bench" / "peers" / "pyramid.py"


def scan(width: int, height: int, file: Path) -> Path:
    """Write a photo, enlarged to that size in pixels, with grain, as a TIFF of JPEG tiles; return `file`."""
    photo = pyvips.Image.new_from_file(str(ROOT / "samples" / "hubble_deep_field.jpg"))[:3]
    enlarged = photo.resize(width / photo.width, vscale=height / photo.height, kernel="linear")
    grain = pyvips.Image.gaussnoise(512, 512, sigma=6, mean=0, seed=1)
    grain = grain.replicate(-(-width // 512), -(-height // 512)).crop(0, 0, width, height)
    grainy = (enlarged + grain).cast("uchar").copy(interpretation="srgb")
    tiles = {"tile": True, "tile_width": 256, "tile_height": 256}
    grainy.tiffsave(str(file), **tiles, compression="jpeg", Q=85)
    return file


def work(tree: Path, stack: ExitStack) -> dict[str, Callable[[], float]]:
    """Return, by name, functions that measure a checkout's writer, whose tiles are discarded."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    file = scan(WIDTH, HEIGHT, Path(folder) / "scan.tif")
    command: list[str | Path] = [sys.executable, tree / "bench" / "peers" / "pyramid.py", "ours", file]
    return {"tiles": lambda: run(command, tree=tree).cpu}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = scan(WIDTH, HEIGHT, Path(folder) / "scan.tif")
        runs = interleaved({who: [sys.executable, PEER, who, file] for who in ("ours", "dzsave")}, ROUNDS)
    cpu = {who: [run.cpu / (WIDTH * HEIGHT / 1e9) for run in runs[who]] for who in runs}
    peak = {who: max(float(run.printed) for run in runs[who]) for who in runs}
    names = {"ours": "ours, discarded", "dzsave": "dzsave, to a folder"}
    rows = [
        [
            names[who],
            f"{statistics.median(cpu[who]):.1f} s",
            f"{ratio(cpu['ours'], cpu[who]):.2f}x",
            f"{peak[who]:.0f} MB",
        ]
        for who in runs
    ]
    figures = {
        "CPU": statistics.median(cpu["ours"]),
        "of dzsave": ratio(cpu["ours"], cpu["dzsave"]),
        "peak MB": peak["ours"],
    }
    table = [["", "CPU per gigapixel", "ours / this", "peak memory"], *rows]
    save("pyramid", {"rounds": ROUNDS, "figures": figures, "table": table})


if __name__ == "__main__":
    main()
