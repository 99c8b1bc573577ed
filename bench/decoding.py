"""JPEG in libvips and in Pillow: decoding a photo of 6 MP, and encoding tiles."""

import io
import statistics
import time
from collections.abc import Callable

import pyvips
from PIL import Image, features
from rich.progress import track

from bench.measure import ratio, save, sized
from bench.photos import jpeg
from runtime.imaging.encode import by_libjpeg_turbo
from runtime.imaging.transform import QUALITY

ROUNDS = sized(41, 1)
SIDES = (256, 512, 1024)
WIDTH, HEIGHT = sized((3000, 2000), (600, 400))


def vips(data: bytes, shrink: int) -> None:
    pyvips.Image.new_from_buffer(data, "", shrink=shrink, access="sequential").copy_memory()


def pillow(data: bytes, shrink: int) -> None:
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (WIDTH // shrink, HEIGHT // shrink))
    image.load()


def cpu(work: Callable[..., object], *arguments: object) -> float:
    """Return the CPU seconds that a call takes in all threads of this process."""
    started = time.process_time()
    work(*arguments)
    return time.process_time() - started


def main() -> None:
    """Measure decoders, then encoders, at every size once per round, with one thread as in LambdaPattern."""
    pyvips.concurrency_set(1)
    decodings()
    encodings()


def encodings() -> None:
    """Measure encoders on squares of a photo: quality 80, 4:2:0."""
    photo = pyvips.Image.new_from_file(str(jpeg(3000, 2000)))
    squares = {side: photo.crop(0, 0, side, side).copy_memory() for side in SIDES}
    encoders: dict[str, Callable[[pyvips.Image], object]] = {
        "libvips": lambda image: image.jpegsave_buffer(Q=QUALITY, keep="none"),
        "Pillow": by_libjpeg_turbo,
    }
    found: dict[tuple[str, int], list[float]] = {(name, side): [] for name in encoders for side in squares}
    for _ in track(range(ROUNDS), description="rounds"):
        for (name, side), seconds in found.items():
            seconds.append(cpu(encoders[name], squares[side]))
    rows = [
        [name, *(f"{statistics.median(found[name, side]) * 1000:.2f} ms" for side in squares)]
        for name in encoders
    ]
    figures = {str(side): round(ratio(found["libvips", side], found["Pillow", side]), 3) for side in squares}
    rows.append(["libvips / Pillow", *(f"{one:.2f}x" for one in figures.values())])
    head = ["", *(f"{side} px" for side in squares)]
    save("encoding", {"rounds": ROUNDS, "figures": figures, "table": [head, *rows]})


def decodings() -> None:
    """Measure decoders, at full size and shrunk on load."""
    data = jpeg(WIDTH, HEIGHT).read_bytes()
    decoders = {"libvips": vips, f"Pillow, libjpeg-turbo {features.version('libjpeg_turbo')}": pillow}
    shrinks = (1, 2, 4, 8)
    found: dict[tuple[str, int], list[float]] = {(name, by): [] for name in decoders for by in shrinks}
    for _ in track(range(ROUNDS), description="rounds"):
        for (name, by), seconds in found.items():
            seconds.append(cpu(decoders[name], data, by))
    first, second = decoders
    rows = [
        [name, *(f"{statistics.median(found[name, by]) * 1000:.1f} ms" for by in shrinks)]
        for name in decoders
    ]
    figures = {str(by): round(ratio(found[first, by], found[second, by]), 3) for by in shrinks}
    rows.append(["libvips / Pillow", *(f"{one:.2f}x" for one in figures.values())])
    head = ["", "whole", "half", "a quarter", "an eighth"]
    save("decoding", {"rounds": ROUNDS, "figures": figures, "table": [head, *rows]})


if __name__ == "__main__":
    main()
