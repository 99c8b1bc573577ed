"""Compares our renditions and sharp's, before encoding, with Lanczos reductions from full resolution."""

import json
import math
import subprocess
from pathlib import Path

import pyvips

from bench.measure import ROOT, save, sized
from bench.photos import enlarged
from runtime.imaging.limits import Limits
from runtime.imaging.probe import probe_bytes
from runtime.imaging.renditions import LONG_EDGES, scale

FACTORS = sized((1, 2), (1,))


def psnr(image: pyvips.Image, reference: pyvips.Image) -> float:
    """Return the peak signal-to-noise ratio in dB over all bands; 99 if they are equal."""
    error = ((image.cast("float") - reference.cast("float")) ** 2).avg()
    return 99.0 if error == 0 else 10 * math.log10(255**2 / error)


def sharps(path: Path, folder: Path) -> dict[int, pyvips.Image]:
    """Return sharp's images by long edge, one pipeline per size, read from raw files in the folder."""
    script = Path(__file__).parent / "peers" / "sharp-pixels.mjs"
    said = subprocess.run(
        ["node", script, path, folder], cwd=ROOT, capture_output=True, text=True, check=True
    )
    images = {}
    for edge, width, height in json.loads(said.stdout):
        data = (folder / f"{edge}.raw").read_bytes()
        images[edge] = pyvips.Image.new_from_memory(data, width, height, 3, "uchar")
    return images


def main() -> None:
    """Measure every size and store the result."""
    rows, figures = [], {}
    for factor in FACTORS:
        path = enlarged(factor)
        data = path.read_bytes()
        theirs = sharps(path, path.parent)
        ours = dict(zip(LONG_EDGES, scale(data, probe_bytes(data), Limits(), LONG_EDGES), strict=True))
        for edge, image in ours.items():
            whole = pyvips.Image.new_from_buffer(data, "")
            # In floating point: for a reduction by 26, libvips' 8-bit coefficients alone limit PSNR to 46 dB.
            reference = whole.cast("float").resize(edge / whole.width, kernel="lanczos3", gap=0)
            pair = psnr(image, reference), psnr(theirs[edge], reference)
            name = f"{whole.width} x {whole.height} to {edge}"
            rows.append([name, *(f"{one:.1f} dB" for one in pair)])
            figures[name] = [round(one, 2) for one in pair]
    save("quality", {"figures": figures, "table": [["", "runtime/imaging/", "sharp"], *rows]})


if __name__ == "__main__":
    main()
