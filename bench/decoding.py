"""What decoding alone costs of a JPEG of 6 MP, in libvips and in Pillow: no server of them can cost less."""

import io
import statistics
import time
from collections.abc import Callable

import pyvips
from PIL import Image, features
from rich.progress import track

from bench.measure import ratio, save, sized
from bench.photos import jpeg

ROUNDS = sized(41, 1)
WIDTH, HEIGHT = sized((3000, 2000), (600, 400))


def vips(data: bytes, shrink: int) -> None:
    pyvips.Image.new_from_buffer(data, "", shrink=shrink, access="sequential").copy_memory()


def pillow(data: bytes, shrink: int) -> None:
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (WIDTH // shrink, HEIGHT // shrink))
    image.load()


def cpu(decode: Callable[[bytes, int], None], data: bytes, shrink: int) -> float:
    """Seconds of this process, all its threads."""
    started = time.process_time()
    decode(data, shrink)
    return time.process_time() - started


def main() -> None:
    """Each decoder at each size once a round."""
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
