"""`dev.py pyramid`: a folder whose page opens from disk and shows the picture."""

import json
import shutil
from pathlib import Path

import pytest
import pyvips

from runtime.imaging import tiles
from runtime.imaging.pyramid import paths
from runtime.imaging.transform import Encoding
from tests.support.browser import picture_of
from tools.commands.pyramid import main
from tools.commands.viewer import OPENSEADRAGON

ROOT = Path(__file__).parents[3]
EARTH = ROOT / "samples" / "earth-blue-marble.jpg"


@pytest.fixture(autouse=True)
def viewer() -> None:
    assert OPENSEADRAGON.is_file(), "dev.py test sets up the viewer"


@pytest.mark.parametrize(
    ("options", "most_small"), [((), 2000), (("--webp",), 2000), ((), 3)], ids=["jpeg", "webp", "large tiles"]
)
def test_the_page_opens_from_disk_and_shows_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], most_small: int
) -> None:
    monkeypatch.setattr(tiles, "MOST_SMALL", most_small)
    assert main([str(EARTH), str(tmp_path / "out"), *options]) == 0
    encoding = Encoding.WEBP if options else Encoding.JPG
    info = json.loads((tmp_path / "out" / "tiles" / "info.json").read_text())
    assert info["tiles"][0]["width"] == (512 if most_small > 3 else 1024)
    assert all(
        (tmp_path / "out" / "tiles" / path).is_file()
        for path in paths(info["width"], info["height"], encoding)
    )
    seen = picture_of(tmp_path / "out" / "index.html")
    wanted = pyvips.Image.thumbnail(str(EARTH), seen.width).copy_memory()
    shown = seen.crop(0, (seen.height - wanted.height) // 2, wanted.width, wanted.height)
    assert (shown - wanted).abs().avg() < 12
    assert (shown.fliphor() - wanted).abs().avg() > 24, "the comparison accepts any picture"


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main([str(EARTH), str(tmp_path)]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("content", "says"), [(None, "No such file"), (b"text", "not an image")])
def test_a_file_that_is_not_an_image_is_an_error_that_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, says: str
) -> None:
    file = tmp_path / "a.jpg"
    if content:
        file.write_bytes(content)
    assert main([str(file), str(tmp_path / "out")]) == 1
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_truncated_file_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.jpg"
    shutil.copy(EARTH, file)
    file.write_bytes(file.read_bytes()[:500_000])
    assert main([str(file), str(tmp_path / "out")]) == 1
    assert "ends before its picture does" in capsys.readouterr().err
    assert not (tmp_path / "out" / "index.html").exists()
