"""Publishing of results; whatever is deleted at the source is deleted from the output too."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from runtime.results import Output, manifest_key, pointer_key
from tests.support.images import corners, encode
from tests.unit.conftest import World, failing

PHOTO = encode(corners(600, 400), ".jpg")


def test_hiding_a_key_removes_its_output_and_leaves_a_tombstone(world: World) -> None:
    created = world.upload("a.jpg", PHOTO)
    hidden = world.hide("a.jpg")
    world.run(created, hidden)
    assert world.keys() == [pointer_key("a.jpg")]
    tombstone = {"state": "deleted", "sequencer": hidden.sequencer, "removed": created.job_id}
    assert world.read(pointer_key("a.jpg")) == tombstone
    tags = world.s3.get_object_tagging(Bucket="output", Key=pointer_key("a.jpg"))["TagSet"]
    assert tags == [{"Key": "state", "Value": "deleted"}]


def test_an_older_upload_that_arrives_after_the_deletion_stays_deleted(world: World) -> None:
    created = world.upload("a.jpg", PHOTO)
    hidden = world.hide("a.jpg")
    outcomes = world.run(hidden, created)
    assert [one.metric for one in outcomes] == ["Deleted", "Superseded"]
    assert world.keys() == [pointer_key("a.jpg")]


def test_a_new_upload_after_a_deletion_is_published_and_has_no_tombstone_tag(world: World) -> None:
    first, hidden = world.upload("a.jpg", PHOTO), world.hide("a.jpg")
    again = world.upload("a.jpg", PHOTO)
    world.run(first, hidden, again, hidden)
    assert world.read(pointer_key("a.jpg"))["job_id"] == again.job_id
    assert world.s3.get_object_tagging(Bucket="output", Key=pointer_key("a.jpg"))["TagSet"] == []


def test_removing_an_old_version_removes_its_output_and_leaves_the_pointer(world: World) -> None:
    old, new = world.upload("a.jpg", PHOTO), world.upload("a.jpg", PHOTO)
    world.run(old, new)
    assert world.keys(f"v/{old.job_id}/")
    world.run(world.remove(old))
    assert world.keys(f"v/{old.job_id}/") == []
    assert world.read(pointer_key("a.jpg"))["job_id"] == new.job_id


def test_removing_the_version_that_is_shown_leaves_a_tombstone(world: World) -> None:
    created = world.upload("a.jpg", PHOTO)
    world.run(created)
    world.run(world.remove(created))
    assert world.read(pointer_key("a.jpg"))["state"] == "deleted"
    assert world.keys("v/") == []


def test_removing_a_version_removes_its_rejection(world: World) -> None:
    bad = world.upload("a.jpg", b"text")
    world.run(bad)
    assert world.keys("rejected/")
    world.run(world.remove(bad))
    assert world.keys() == []


def test_a_version_removed_before_its_turn_is_a_rejection_that_says_so(world: World) -> None:
    created = world.upload("a.jpg", PHOTO)
    world.s3.delete_object(Bucket="source", Key="a.jpg", VersionId=created.version_id)
    (outcome,) = world.run(created)
    assert outcome.facts["reason"] == "source-gone"


def test_a_version_removed_while_it_is_worked_on_is_not_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = world.upload("a.jpg", PHOTO)
    put = world.job.s3.put_object

    def remove_meanwhile(**named: Any) -> Any:
        if named["Key"].endswith("320.webp"):
            world.run(world.remove(created))
        return put(**named)

    monkeypatch.setattr(world.job.s3, "put_object", remove_meanwhile)
    (outcome,) = world.run(created)
    assert outcome.facts["reason"] == "source-gone"
    assert world.keys("v/") == []
    assert world.read(pointer_key("a.jpg"))["state"] == "deleted"


def test_removing_the_version_that_is_shown_does_not_take_a_newer_one_with_it(world: World) -> None:
    shown = world.upload("a.jpg", PHOTO)
    world.run(shown)
    newer = world.upload("a.jpg", PHOTO)
    world.run(world.remove(shown), newer)
    assert world.read(pointer_key("a.jpg"))["job_id"] == newer.job_id
    assert len(world.keys(f"v/{newer.job_id}/")) == 4


def test_a_deletion_that_failed_half_way_is_finished_by_its_second_try(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = world.upload("a.jpg", PHOTO)
    world.run(created)
    hidden = world.hide("a.jpg")
    with monkeypatch.context() as broken:
        broken.setattr(world.job.s3, "delete_objects", failing("SlowDown"))
        with pytest.raises(ClientError, match="SlowDown"):
            world.run(hidden)
    assert world.keys("v/")
    world.run(hidden)
    assert world.keys("v/") == []


def test_a_removal_that_fails_half_way_leaves_no_manifest_of_an_incomplete_result(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = world.upload("a.jpg", PHOTO)
    world.run(created)
    monkeypatch.setattr(world.job.s3, "list_objects_v2", failing("SlowDown"))
    with pytest.raises(ClientError, match="SlowDown"):
        world.job.output.purge(created.job_id)
    assert len(world.keys("v/")) == 3
    assert manifest_key(created.job_id) not in world.keys("v/")


def test_a_version_that_was_shown_after_its_deletion_is_hidden_by_the_next_try(world: World) -> None:
    """The first try ended after it had moved the pointer, and before it looked for the source again."""
    created = world.upload("a.jpg", PHOTO)
    world.run(created)
    world.s3.delete_object(Bucket="source", Key="a.jpg", VersionId=created.version_id)
    world.job.output.purge(created.job_id)
    (outcome,) = world.run(created)
    assert outcome.facts["reason"] == "source-gone"
    assert world.read(pointer_key("a.jpg"))["state"] == "deleted"


def test_a_manifest_that_somebody_else_is_writing_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 answers 409 while another conditional write of the key is in progress, such as an earlier try."""
    created, put = world.upload("a.jpg", PHOTO), world.s3.put_object
    pauses: list[float] = []
    conflicts = iter([True, True])

    def busy(**request: Any) -> Any:
        if request["Key"] == manifest_key(created.job_id) and next(conflicts, False):
            failing("ConditionalRequestConflict")()
        return put(**request)

    monkeypatch.setattr(world.s3, "put_object", busy)
    output = Output(s3=world.s3, bucket="output", pause=pauses.append)
    assert output.publish(created, {"made": "once"})
    assert world.read(manifest_key(created.job_id))["made"] == "once"
    assert pauses == sorted(pauses)
    assert len(pauses) == 2
