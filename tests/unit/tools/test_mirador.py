"""Tile pyramids in an unmodified Mirador, which contains OpenSeadragon, the viewer of our own pages."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pyvips

from runtime.imaging import tiles
from tests.support.browser import picture_of
from tools.commands.pyramid import main
from tools.set_up import VENV

ROOT = Path(__file__).parents[3]
EARTH = ROOT / "samples" / "earth-blue-marble.jpg"
MIRADOR = "mirador@4.0.0"
SHA512 = "uWsE9e2oqSc/lUu+vVwDGhTsycuhGsfZ2KfX6CLfXiT3wgGy6qT9+q5M3V9Zz72hkdIgsJugKesaowmRtYmvrA=="
"""Digest of Mirador's package, from npm's registry."""
PAGE = """<!doctype html><meta charset="utf-8"><div id="mirador"></div>
<script src="mirador.min.js"></script>
<script>
  Mirador.viewer({
    id: "mirador", windows: [{manifestId: "/manifest.json"}], workspaceControlPanel: {enabled: false},
    window: {allowTopMenuButton: false, hideWindowTitle: true, sideBarOpen: false},
    osdConfig: {drawer: "canvas", animationTime: 0, springStiffness: 100},
  });
  const named = new RegExp("/tiles/.*[.]jpg$");
  const loaded = () => performance.getEntriesByType("resource").filter((one) => named.test(one.name)).length;
  let before = 0;
  setInterval(() => {  // all tiles are there once two counts are equal
    if (before && before === loaded()) document.title = "drawn";
    before = loaded();
  }, 2000);
</script>
"""


@pytest.fixture(scope="module")
def mirador(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return Mirador's script. Its package is in no lock file, so the package's digest is checked here."""
    folder = tmp_path_factory.mktemp("mirador")
    npm = str(VENV / "bin" / "npm")
    packed = [npm, "pack", MIRADOR, "--silent", "--pack-destination", str(folder)]
    subprocess.run(packed, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (package,) = folder.glob("*.tgz")
    assert base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode() == SHA512
    with tarfile.open(package) as opened:
        script = opened.extractfile("package/dist/mirador.min.js")
        assert script
        return script.read()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Yield the address of a server for the files in the test's folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def manifest(address: str, width: int, height: int) -> str:
    """Return a manifest of one image: https://iiif.io/api/presentation/3.0/"""
    service = {"id": f"{address}/tiles", "type": "ImageService3", "profile": "level0"}
    size = {"width": width, "height": height}
    body = {"id": f"{address}/tiles/full/max/0/default.jpg", "type": "Image", **size, "service": [service]}
    canvas = f"{address}/canvas"
    shown = {
        "id": f"{canvas}/a",
        "type": "Annotation",
        "motivation": "painting",
        "body": body,
        "target": canvas,
    }
    page = {"id": f"{canvas}/p", "type": "AnnotationPage", "items": [shown]}
    return json.dumps(
        {
            "@context": "http://iiif.io/api/presentation/3/context.json",
            "id": f"{address}/manifest.json",
            "type": "Manifest",
            "label": {"en": ["The Earth"]},
            "items": [{"id": canvas, "type": "Canvas", **size, "items": [page]}],
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize(("most_small", "side"), [(2000, 512), (3, 1024)], ids=["512 px", "1,024 px"])
def test_mirador_shows_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirador: bytes, served: str, most_small: int, side: int
) -> None:
    monkeypatch.setattr(tiles, "MOST_SMALL", most_small)
    assert main([str(EARTH), str(tmp_path / "out")]) == 0
    shutil.move(tmp_path / "out" / "tiles", tmp_path / "tiles")
    described = tmp_path / "tiles" / "info.json"
    info = json.loads(described.read_text())
    assert info["tiles"][0]["width"] == side
    described.write_text(json.dumps({**info, "id": f"{served}/tiles"}))
    (tmp_path / "manifest.json").write_text(manifest(served, info["width"], info["height"]))
    (tmp_path / "mirador.min.js").write_bytes(mirador)
    (tmp_path / "index.html").write_text(PAGE)
    seen = picture_of(f"{served}/index.html", side=1200)
    stage = seen.crop(0, 70, seen.width, seen.height - 180)  # without the bars above and below
    left, top, width, _ = stage.find_trim(background=[238] * 3, threshold=30)
    assert width > 1100
    wanted = pyvips.Image.thumbnail(str(EARTH), width).copy_memory()
    shown = stage.crop(left, top, wanted.width, wanted.height)
    assert (shown - wanted).abs().avg() < 12
    assert (shown.fliphor() - wanted).abs().avg() > 24, "the comparison accepts any picture"
