"""One event of the source bucket, from the object to what is published, with S3 in moto."""

import io
import itertools
import random
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_src.renditions.photos import Photos
from runtime.imaging.limits import Limits
from runtime.results import pointer_key
from tests.support.images import corners, decode, encode, noise
from tests.unit.conftest import World, failing

PHOTO = encode(corners(600, 400), ".jpg")


def test_an_upload_becomes_renditions_a_manifest_and_a_pointer(world: World) -> None:
    event = world.upload("photos/été +1.jpg", PHOTO)
    (outcome,) = world.run(event)
    assert outcome.metric == "Published"
    prefix = f"v/{event.job_id}/"
    assert world.keys("v/") == [
        f"{prefix}{name}" for name in ("1600.webp", "320.webp", "800.webp", "manifest.json")
    ]
    pointer = world.read("latest/photos/%C3%A9t%C3%A9%20%2B1.jpg.json")
    assert pointer == world.read(f"{prefix}manifest.json")
    assert pointer["sequencer"] == event.sequencer
    assert pointer["source"]["version_id"] == event.version_id
    assert (pointer["source"]["format"], pointer["source"]["bytes"]) == ("jpeg", len(PHOTO))
    assert [(one["long_edge"], one["width"], one["height"]) for one in pointer["renditions"]] == [
        (1600, 600, 400),
        (800, 600, 400),
        (320, 320, 213),
    ]
    assert set(pointer["timings_ms"]) == {"request", "fetch", "decode", "encode"}
    for one in pointer["renditions"]:
        stored = world.s3.get_object(Bucket="output", Key=one["key"])
        assert stored["ContentType"] == one["media_type"] == "image/webp"
        assert "immutable" in stored["CacheControl"]
        assert decode(stored["Body"].read()).width == one["width"]


def test_caches_must_revalidate_pointers_and_rejections(world: World) -> None:
    world.run(world.upload("a.jpg", PHOTO), world.upload("bad.jpg", b"text"))
    for key in [*world.keys("latest/"), *world.keys("rejected/")]:
        assert world.s3.head_object(Bucket="output", Key=key)["CacheControl"] == "no-cache"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"not a photo", "not-an-image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported-format"),
        (PHOTO[:-500], "truncated"),
        (encode(corners(1002, 1000), ".png"), "too-many-pixels"),
        (PHOTO + bytes(500_000), "too-many-bytes"),
    ],
)
def test_an_upload_that_cannot_be_rendered_leaves_only_a_rejection_with_its_reason(
    world: World, data: bytes, reason: str
) -> None:
    event = world.upload("photos/bad.jpg", data)
    (outcome,) = world.run(event)
    assert outcome.metric == "Rejected"
    assert world.keys() == [f"rejected/{event.job_id}.json"]
    record = world.read(f"rejected/{event.job_id}.json")
    assert record["reason"] == reason
    assert record["message"].endswith(".")
    assert record["source"]["key"] == "photos/bad.jpg"


def test_too_many_bytes_are_refused_without_asking_for_the_object(world: World) -> None:
    huge = world.event("huge.jpg", version_id="never-asked-for", size=600_000_000)
    (outcome,) = world.run(huge)
    assert outcome.facts["reason"] == "too-many-bytes"


def test_a_rejected_version_leaves_the_pointer_where_it_was(world: World) -> None:
    good, bad = world.upload("a.jpg", PHOTO), world.upload("a.jpg", b"oops")
    world.run(good, bad)
    assert world.read(pointer_key("a.jpg"))["job_id"] == good.job_id


def test_a_folder_is_ignored(world: World) -> None:
    (outcome,) = world.run(world.upload("photos/", b""))
    assert outcome.metric == "Ignored"
    assert world.keys() == []


def test_the_same_event_twice_changes_nothing(world: World) -> None:
    event = world.upload("a.jpg", PHOTO)
    (first,) = world.run(event)
    before = world.everything()
    (second,) = world.run(event)
    assert world.everything() == before
    assert (first.metric, second.metric) == ("Published", "Published")
    assert len(world.keys("v/")) == 4
    assert world.read(pointer_key("a.jpg"))["job_id"] == event.job_id


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_versions_of_one_key_in_any_order_and_twice_end_with_the_newest(
    world: World, order: tuple[int, ...]
) -> None:
    events = [world.upload("a.jpg", encode(corners(100 + 20 * version, 80), ".jpg")) for version in range(3)]
    world.run(*(events[number] for number in [*order, *reversed(order)]))
    assert world.read(pointer_key("a.jpg"))["renditions"][0]["width"] == 140
    assert len(world.keys("v/")) == 12


def test_the_version_of_the_event_is_read_and_not_the_newest(world: World) -> None:
    old = world.upload("a.jpg", encode(corners(100, 80), ".jpg"))
    world.upload("a.jpg", encode(corners(200, 80), ".jpg"))
    world.run(old)
    assert world.read(pointer_key("a.jpg"))["source"]["width"] == 100


def test_a_denied_read_is_raised_and_not_taken_for_a_missing_object(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = world.upload("a.jpg", PHOTO)
    monkeypatch.setattr(world.job.s3, "get_object", failing("AccessDenied"))
    with pytest.raises(ClientError, match="AccessDenied"):
        world.run(event)
    assert world.keys() == []


def test_a_writer_that_loses_the_race_looks_again_and_yields_to_the_newer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = world.upload("a.jpg", PHOTO), world.upload("a.jpg", PHOTO)
    put = world.job.s3.put_object
    raced: list[str] = []

    def newer_comes_first(**named: Any) -> Any:
        if named["Key"].startswith("latest/") and not raced:
            raced.append(named["Key"])
            world.run(new)
        return put(**named)

    monkeypatch.setattr(world.job.s3, "put_object", newer_comes_first)
    (outcome,) = world.run(old)
    assert outcome.metric == "Superseded"
    assert world.read(pointer_key("a.jpg"))["job_id"] == new.job_id


def test_a_pointer_that_was_stored_but_not_acknowledged_counts_as_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = world.upload("a.jpg", PHOTO)
    put = world.job.s3.put_object
    tries: list[str] = []

    def stored_but_not_heard(**named: Any) -> Any:
        answer = put(**named)
        if named["Key"].startswith("latest/"):
            tries.append(named["Key"])
            put(**named)  # the client's own second try: its condition no longer holds
        return answer

    monkeypatch.setattr(world.job.s3, "put_object", stored_but_not_heard)
    (outcome,) = world.run(event)
    assert outcome.metric == "Published"
    assert len(tries) == 1
    assert world.read(pointer_key("a.jpg"))["job_id"] == event.job_id


def test_a_version_that_is_published_after_a_rejection_is_no_longer_rejected(world: World) -> None:
    event = world.upload("a.jpg", PHOTO)
    strict = replace(world.job, work=Photos(limits=Limits(max_pixels=10, max_bytes=500_000)))
    assert strict.run(event).metric == "Rejected"
    assert world.job.run(event).metric == "Published"
    assert world.keys("rejected/") == []
    assert strict.run(event).metric == "Published", "what was published under other limits stays"
    assert world.keys("rejected/") == []


@pytest.mark.parametrize("seed", range(12))
def test_any_history_in_any_order_ends_as_the_source_does(world: World, seed: int) -> None:
    """Uploads, delete markers and deletions of old versions, in any order and some of them twice."""
    dice, photo = random.Random(seed), encode(corners(64, 48), ".png")
    history = [world.upload("a.jpg", photo)]
    history += [
        world.hide("a.jpg") if dice.random() < 0.4 else world.upload("a.jpg", photo) for _ in range(4)
    ]
    last = history[-1]
    old = [one for one in history[:-1] if one.change == "created"]
    history += [world.remove(one) for one in old if dice.random() < 0.4]
    events = history + dice.sample(history, 2)
    dice.shuffle(events)
    world.run(*events)
    pointer = world.read(pointer_key("a.jpg"))
    assert pointer.get("job_id") == (last.job_id if last.change == "created" else None)
    gone = {one.job_id for one in history if one.change == "removed"}
    assert not [key for key in world.keys("v/") if key.split("/")[1] in gone]


@pytest.mark.parametrize(
    "key", ["a" * 1000, "é" * 500, "a/b/../c.jpg", "100%.jpg", "a+b c.jpg", "latest/x.json"]
)
def test_every_key_that_s3_takes_has_a_pointer_of_its_own(world: World, key: str) -> None:
    world.run(world.upload(key, PHOTO))
    (pointer,) = world.keys("latest/")
    assert len(pointer.encode()) <= 1024
    assert world.read(pointer)["source"]["key"] == key


def test_pointers_of_long_keys_do_not_collide() -> None:
    long = "é" * 400
    assert pointer_key(long) != pointer_key(long + "e")
    assert pointer_key("=sha256/" + "0" * 64) != pointer_key(long)


def test_a_file_larger_than_its_event_said_is_rejected_and_its_connection_given_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    get, body = world.job.s3.get_object, io.BytesIO(PHOTO)

    def larger(*, Bucket: str, **named: Any) -> Any:  # noqa: N803
        grown = {"ContentLength": 500_001, "Body": body}
        return grown if Bucket == "source" else get(Bucket=Bucket, **named)

    monkeypatch.setattr(world.job.s3, "get_object", larger)
    (outcome,) = world.run(world.upload("a.jpg", PHOTO))
    assert (outcome.metric, outcome.facts["reason"]) == ("Rejected", "too-many-bytes")
    assert body.closed


def test_a_refused_file_is_not_downloaded_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    get, taken = world.s3.get_object, []

    class Counted:
        def __init__(self, body: Any) -> None:
            self.body = body

        def read(self, amt: int | None = None) -> bytes:
            data = bytes(self.body.read(amt))
            taken.append(len(data))
            return data

        def close(self) -> None:
            self.body.close()

    event = world.upload("wide.png", encode(noise(1500, 100).embed(0, 0, 1500, 700), ".png"))
    assert event.size > 300_000
    monkeypatch.setattr(
        world.job.s3, "get_object", lambda **named: {**(got := get(**named)), "Body": Counted(got["Body"])}
    )
    (outcome,) = world.run(event)
    assert outcome.facts["reason"] == "too-many-pixels"
    assert sum(taken) == 65_536


def test_an_event_that_comes_again_changes_no_byte_and_costs_no_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = world.upload("a.jpg", encode(corners(64, 48), ".png"))
    world.run(event)
    before = world.everything()
    monkeypatch.setattr(
        "lambda_src.renditions.photos.render", lambda *_: pytest.fail("It was rendered again.")
    )
    (again,) = world.run(event)
    assert (again.metric, again.facts) == ("Published", {"again": True})
    assert world.everything() == before
