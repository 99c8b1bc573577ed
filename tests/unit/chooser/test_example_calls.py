"""The calls to S3 that an example counts are those that the pattern makes."""

from typing import Any

import pytest

from chooser import page
from runtime.imaging.tiles import count_of_tiles
from runtime.slim_s3 import S3
from tests.support.images import corners, encode
from tests.unit.conftest import World


def test_the_thumbnails_count_the_calls_of_a_published_photo(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    send = S3._send

    def counted(self: S3, operation: str, method: str, *args: Any, **named: Any) -> Any:
        made.append(method)
        return send(self, operation, method, *args, **named)

    monkeypatch.setattr(S3, "_send", counted)
    (outcome,) = world.run(world.upload("a.jpg", encode(corners(1200, 800), ".jpg")))
    example = page.example("thumbnails")
    assert outcome.metric == "Published"
    assert made.count("PUT") == example.puts
    assert made.count("GET") + made.count("HEAD") == example.gets


def test_the_scans_count_the_objects_of_a_pyramid() -> None:
    """Tiles, `full/max`, `info.json`, manifest and pointer."""
    assert page.example("scans").puts == count_of_tiles(100_000, 100_000) + 4
