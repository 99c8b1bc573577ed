"""iipsrv (C++) behind lighttpd: a peer of the image service for tiles of a cached source.

It reads prepared pyramids. From an uncompressed pyramid it cuts and encodes tiles, as the service does from a
decoded source. A pyramid of JPEG tiles is much smaller, but iipsrv has to decode its tiles first.
"""

import shutil
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyvips
from rich.progress import track

from bench.measure import ratio, save, sized
from bench.photos import PHOTOS
from bench.server import OURS, Server, free_port, serving

ROUNDS, TIMES = sized((9, 5), (1, 1))
FCGI = Path("/usr/lib/iipimage-server/iipsrv.fcgi")
LIGHTTPD = shutil.which("lighttpd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
KINDS = {"an uncompressed pyramid": "none", "a pyramid of JPEG tiles": "jpeg"}
"""The pyramids' names in the table, with their compression in libvips' terms."""
CONFIG = """
server.modules = ("mod_fastcgi")
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
fastcgi.server = ("/iipsrv" => ((
  "socket" => "{folder}/iipsrv.sock", "check-local" => "disable", "max-procs" => 1, "bin-path" => "{fcgi}",
  "bin-environment" => (
    "FILESYSTEM_PREFIX" => "{photos}/", "JPEG_QUALITY" => "80",
    "LOGFILE" => "{folder}/log", "OMP_NUM_THREADS" => "1"
  )
)))
"""


def compare(ours: Server, large: Path, wanted: Sequence[str]) -> None:
    """Measure the servers' CPU per tile, in turn, after a warm-up. The kernel counts in steps of 10 ms.

    wanted: tiles of 512 px as region and size. Stores the result, or prints that a program is missing.
    """
    if not (LIGHTTPD and FCGI.exists()):
        print("iipsrv or lighttpd is missing, so iipsrv is left out.")
        print("On Debian: apt install iipimage-server lighttpd.")
        return
    asked = {OURS: [f"/iiif/3/{large.name}/{tile}/0/default.jpg" for tile in wanted]}
    for name, compression in KINDS.items():
        pyramid = _pyramid(large, compression)
        asked[f"iipsrv, {name}"] = [f"/iipsrv?IIIF={pyramid}/{tile}/0/default.jpg" for tile in wanted]
    with _launched() as theirs:
        servers = {name: ours if name == OURS else theirs for name in asked}
        for name, paths in asked.items():
            servers[name].ask(paths)
        found: dict[str, list[float]] = {name: [] for name in asked}
        for _ in track(range(ROUNDS), description="tiles, rounds"):
            for name, paths in asked.items():
                found[name].append(servers[name].ask(paths * TIMES)[0])
    _keep(found)


def _keep(found: Mapping[str, Sequence[float]]) -> None:
    ours = found[OURS]
    figures = {name: round(ratio(ours, theirs), 3) for name, theirs in found.items()}
    rows = [
        [name, f"{statistics.median(cpu) * 1000:.2f} ms", f"{figures[name]:.2f}x"]
        for name, cpu in found.items()
    ]
    table = [["", "CPU per tile", "ours / this"], *rows]
    save("tiles", {"rounds": ROUNDS, "figures": figures, "table": table})


def _pyramid(photo: Path, compression: str) -> str:
    """Return the name of the photo as a pyramidal TIFF with tiles of 512 px, made on first use."""
    path = PHOTOS / f"{photo.stem}-{compression}.tif"
    if not path.exists():
        image = pyvips.Image.new_from_file(str(photo), access="sequential")
        sides = {"tile_width": 512, "tile_height": 512}
        image.tiffsave(str(path), tile=True, pyramid=True, compression=compression, Q=90, **sides)
    return path.name


@contextmanager
def _launched() -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        port = free_port()
        config = Path(folder, "lighttpd.conf")
        config.write_text(CONFIG.format(folder=folder, port=port, fcgi=FCGI, photos=PHOTOS))
        command = [str(LIGHTTPD), "-D", "-f", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with serving(process, port):
            yield Server(port=port, pid=process.pid, address=lambda photo, *_: photo)
