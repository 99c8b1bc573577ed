"""What is read from S3's events, the id of a job, and the order of sequencers."""

from typing import Any

import pytest

from runtime.events import Change, ObjectEvent, is_newer, job_id, parse_event
from tests.support.events import s3_event


def test_a_created_event_gives_the_object_and_its_version() -> None:
    event = parse_event(
        s3_event("photos/a+b c%20d.jpg", version_id="v1", sequencer="00A1", size=7, bucket="here")
    )
    assert event == ObjectEvent(
        change=Change.CREATED,
        bucket="here",
        key="photos/a+b c%20d.jpg",
        version_id="v1",
        sequencer="00A1",
        size=7,
    )


@pytest.mark.parametrize(
    ("deletion_type", "change"),
    [("Delete Marker Created", Change.DELETE_MARKER), ("Permanently Deleted", Change.VERSION_DELETED)],
)
def test_a_deleted_event_says_which_kind_of_deletion(deletion_type: str, change: Change) -> None:
    assert parse_event(s3_event("a.jpg", deletion_type=deletion_type)).change is change


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail-type": "Object Created", "detail": {"object": {"key": "a"}}},
        {"detail-type": "x", "detail": []},
    ],
)
def test_an_event_of_another_kind_is_an_error_that_says_so(event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Not an S3 event of a versioned bucket"):
        parse_event(event)


def test_an_event_without_a_version_is_refused() -> None:
    event = s3_event("a.jpg")
    del event["detail"]["object"]["version-id"]
    with pytest.raises(ValueError, match="version-id"):
        parse_event(event)


def test_the_job_id_is_the_same_for_the_same_version_and_no_other() -> None:
    assert job_id("bucket", "key", "1") == job_id("bucket", "key", "1")
    ids = {
        job_id(*names)
        for names in [("b", "k", "1"), ("b", "k", "2"), ("b", "k1", ""), ("bk", "", "1"), ("b", "", "k1")]
    }
    assert len(ids) == 5
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in ids)


def test_the_job_id_is_what_the_documentation_says() -> None:
    # printf 'bucket\0key\0version' | sha256sum | cut -c1-32
    assert job_id("bucket", "key", "version") == "b57bd117980334c020f93f7e1c54f834"


@pytest.mark.parametrize(
    ("sequencer", "than", "newer"),
    [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E4", True),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E5", False),
        ("1", "0FFFFFFF", True),
        ("0F", "0F00", False),
        ("0F00", "0F", False),
        ("0F01", "0F", True),
        ("00ff", "00FE", True),
    ],
)
def test_sequencers_are_compared_as_hex_padded_on_the_right(sequencer: str, than: str, newer: bool) -> None:
    assert is_newer(sequencer, than) is newer


def test_a_key_ending_in_a_slash_is_a_folder() -> None:
    assert parse_event(s3_event("photos/")).is_folder
    assert not parse_event(s3_event("photos/a")).is_folder
