"""Makes three renditions of a photo with Pillow: pillow.py PHOTO webp|jpeg COUNT plain|once.

Prints CPU seconds per photo. plain: one decode per size and `thumbnail`; once: one decode with `draft`, then
each smaller size from the one before.
"""

import io
import sys
import time
from pathlib import Path

from PIL import Image

path, kind, count, recipe = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]


def encode(image: Image.Image) -> None:
    options = {"quality": 80, "method": 4} if kind == "webp" else {"quality": 80}
    image.save(io.BytesIO(), kind, **options)


def work() -> None:
    data = path.read_bytes()
    if recipe == "plain":
        for edge in (1600, 800, 320):
            image = Image.open(io.BytesIO(data))
            image.load()
            image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
            encode(image)
        return
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (1600, 1600))
    for edge in (1600, 800, 320):
        image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
        encode(image)


for number in range(count + 1):
    if number == 1:
        started = time.process_time()
    work()
print((time.process_time() - started) / count if count else 0)
