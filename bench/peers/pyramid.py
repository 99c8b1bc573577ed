"""One image as tiles: by our writer into a callback that discards them, or by libvips' dzsave to a folder.

pyramid.py ours|dzsave FILE prints its own peak memory in MB, because the peak that the kernel counts for a
child process begins at the size of its parent.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import pyvips

from runtime.imaging.limits import Limits
from runtime.imaging.probe import probe_file
from runtime.imaging.pyramid import write_pyramid
from runtime.imaging.tiles import tile_side
from runtime.imaging.transform import QUALITY

who, name = sys.argv[1:]
if who == "ours":
    file = Path(name)
    limits = Limits(max_pixels=10**12)
    write_pyramid(file, probe_file(file), limits, address="https://example.com/a", store=lambda *_: None)
else:
    folder = tempfile.mkdtemp()
    image = pyvips.Image.new_from_file(name, access="sequential", fail_on="error")
    side = tile_side(image.width, image.height)
    image.dzsave(f"{folder}/a", layout="iiif3", tile_size=side, suffix=f".jpg[Q={QUALITY},keep=none]")
    shutil.rmtree(folder)
status = Path("/proc/self/status").read_text()
sys.stdout.write(str(int(status.partition("VmHWM:")[2].split()[0]) / 1024))
