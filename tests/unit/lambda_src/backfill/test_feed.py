"""What the backfill's function sends and what it does not, and that it keeps to `at_once`."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambda_src.backfill.feed import LAST_SECONDS, Batch, Feeder, Found
from runtime.events import Change, is_newer, parse_event
from runtime.rejection import Reason
from stacks.backfill.object_batches import A_BATCH
from tests.support.hybrid import SCAN, World, make_world

LONG = 300.0


@dataclass
class Fed:
    """A pattern's buckets and queue, and the feeder that fills the queue."""

    world: World
    pauses: list[float] = field(default_factory=list)
    between: Callable[[], object] = lambda: None
    """Called whenever the feeder pauses."""

    @property
    def feeder(self) -> Feeder:
        return Feeder(
            s3=self.world.s3,
            bucket="source",
            output=self.world.works.output,
            sqs=self.world.sqs,
            queue_url=self.world.queue,
            open_jobs=self.world.jobs.open,
            pause=self._pause,
        )

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.between()

    def feed(self, *keys: str, at_once: int = 100, seconds: Callable[[], float] = lambda: LONG) -> Batch:
        return self.feeder.run(Batch(keys=keys, at_once=at_once), seconds)

    def put(self, *keys: str) -> None:
        for key in keys:
            self.world.s3.put_object(Bucket="source", Key=key, Body=key.encode())

    def take(self, most: int = 10) -> list[dict[str, Any]]:
        """Receive and delete messages, as the pattern would."""
        sqs, queue = self.world.sqs, self.world.queue
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=most).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    def waiting(self) -> int:
        name = "ApproximateNumberOfMessages"
        told = self.world.sqs.get_queue_attributes(QueueUrl=self.world.queue, AttributeNames=[name])
        return int(told["Attributes"][name])


@pytest.fixture
def fed() -> Iterator[Fed]:
    with mock_aws():
        yield Fed(world=make_world())


def test_each_object_is_sent_as_the_event_that_the_pattern_missed(fed: Fed) -> None:
    fed.put("a.jpg", "b c/ä [1].jpg")
    left = fed.feed("a.jpg", "b c/ä [1].jpg")
    assert (left.keys, left.counts) == ([], {"sent": 2})
    events = [parse_event(one) for one in fed.take()]
    assert [event.key for event in events] == ["a.jpg", "b c/ä [1].jpg"]
    for event in events:
        head = fed.world.s3.head_object(Bucket="source", Key=event.key)
        assert (event.version_id, event.size) == (head["VersionId"], head["ContentLength"])
        assert (event.change, event.bucket) == (Change.CREATED, "source")


def test_an_object_that_is_shown_rejected_gone_or_a_folder_is_not_sent(fed: Fed) -> None:
    fed.put("done.jpg", "bad.jpg", "folder/", "new.jpg")
    fed.feed("done.jpg", "bad.jpg")
    done, bad = (parse_event(one) for one in fed.take())
    output = fed.world.works.output
    output.publish(done, {})
    output.reject(bad, Reason.NOT_AN_IMAGE, "It is none.")
    left = fed.feed("done.jpg", "bad.jpg", "folder/", "gone.jpg", "new.jpg")
    assert left.counts == dict.fromkeys({*Found} - {Found.UNREADABLE}, 1)
    assert [parse_event(one).key for one in fed.take()] == ["new.jpg"]


def test_a_newer_version_than_the_one_that_is_shown_is_sent_and_shown(fed: Fed) -> None:
    output = fed.world.works.output
    old = parse_event(fed.world.upload(b"old", "a.jpg"))
    output.publish(old, {})
    fed.put("a.jpg")  # its event was lost
    assert fed.feed("a.jpg").counts == {"sent": 1}
    (message,) = fed.take()
    assert output.publish(parse_event(message), {}), "it takes the place of the old one"
    assert fed.feed("a.jpg").counts == {"shown": 1}


def test_an_object_that_was_deleted_and_uploaded_again_is_shown(fed: Fed) -> None:
    output = fed.world.works.output
    old = parse_event(fed.world.upload(b"old", "a.jpg"))
    output.publish(old, {})
    hidden = {**fed.world.upload(b"", "a.jpg"), "detail-type": "Object Deleted"}
    hidden["detail"]["deletion-type"] = "Delete Marker Created"
    output.apply_deletion(parse_event(hidden))
    fed.put("a.jpg")
    fed.feed("a.jpg")
    (message,) = fed.take()
    assert output.publish(parse_event(message), {})


def test_an_upload_during_the_backfill_wins_whichever_is_done_first(fed: Fed) -> None:
    output = fed.world.works.output
    output.publish(parse_event(fed.world.upload(b"oldest", "a.jpg")), {})
    fed.put("a.jpg", "b.jpg")
    fed.feed("a.jpg", "b.jpg")
    for message in fed.take():
        backfilled = parse_event(message)
        upload = parse_event(fed.world.upload(b"newer", backfilled.key))
        assert is_newer(upload.sequencer, backfilled.sequencer)
        assert output.publish(upload, {})
        assert not output.publish(backfilled, {})
        assert (output.pointer(upload.key) or {})["job_id"] == upload.job_id


def test_a_version_whose_own_event_came_is_not_replaced_by_an_older_one(fed: Fed) -> None:
    """A late event of an older version beats the backfill's event, but not the newer version's own event."""
    output = fed.world.works.output
    output.publish(parse_event(fed.world.upload(b"first", "a.jpg")), {})
    second, third = (parse_event(fed.world.upload(data, "a.jpg")) for data in (b"second", b"third"))
    fed.feed("a.jpg")
    (message,) = fed.take()
    assert output.publish(parse_event(message), {})
    assert output.publish_again(third), "by the event of the third version itself"
    assert not output.publish(second, {})
    assert (output.pointer("a.jpg") or {})["job_id"] == third.job_id


def test_an_upload_while_an_object_is_looked_at_is_newer_than_the_event_sent_for_it(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the pointer were read last, the event of the older version could count as newer than the upload."""
    fed.put("a.jpg")
    head = fed.world.s3.head_object
    newer = []

    def head_and_upload(**request: Any) -> Any:
        found = head(**request)
        newer.append(parse_event(fed.world.upload(b"newer", "a.jpg")))
        fed.world.works.output.publish(newer[0], {})
        return found

    monkeypatch.setattr(fed.world.s3, "head_object", head_and_upload)
    fed.feed("a.jpg")
    (message,) = fed.take()
    assert is_newer(newer[0].sequencer, parse_event(message).sequencer)


def test_an_object_from_before_the_bucket_had_versions_is_version_null(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fed.world.s3, "head_object", lambda **_: {"ContentLength": 3})
    fed.feed("a.jpg")
    assert parse_event(fed.take()[0]).version_id == "null"


def test_no_more_is_sent_than_there_is_room_for(fed: Fed) -> None:
    keys = [f"{number:02}.jpg" for number in range(25)]
    fed.put(*keys)
    most = []

    def work() -> None:
        most.append(fed.waiting())
        fed.take(1)

    fed.between = work
    left = fed.feed(*keys, at_once=3)
    assert (left.keys, left.counts) == ([], {"sent": 25})
    assert max(most) == 3
    assert len(fed.pauses) >= 22


def test_live_uploads_come_first(fed: Fed) -> None:
    """Waiting messages count: the backfill sends nothing while `at_once` live uploads wait."""
    fed.put("a.jpg")
    for _ in range(2):
        fed.world.sqs.send_message(QueueUrl=fed.world.queue, MessageBody="{}")
    seconds = count(LONG, -50)
    left = fed.feed("a.jpg", at_once=2, seconds=lambda: next(seconds))
    assert (left.keys, left.counts) == (["a.jpg"], {"sent": 0})
    assert fed.waiting() == 2


def test_a_message_that_is_worked_on_takes_room_too(fed: Fed) -> None:
    fed.put("a.jpg")
    fed.world.sqs.send_message(QueueUrl=fed.world.queue, MessageBody="{}")
    fed.world.sqs.receive_message(QueueUrl=fed.world.queue)
    seconds = count(LONG, -50)
    assert fed.feed("a.jpg", at_once=1, seconds=lambda: next(seconds)).keys == ["a.jpg"]


def test_a_job_that_has_left_the_queue_takes_room_until_it_has_ended(fed: Fed) -> None:
    fed.put("a.jpg")
    world = fed.world.by_tasks_only()
    world.dispatch(world.upload(SCAN, "scan.tif"))
    assert world.jobs.open() == 1
    seconds = count(LONG, -50)
    assert fed.feed("a.jpg", at_once=1, seconds=lambda: next(seconds)).keys == ["a.jpg"]
    world.jobs.fail(world.job.job_id, "over")
    assert fed.feed("a.jpg", at_once=1).counts == {"sent": 1}


def test_when_time_runs_out_the_rest_is_handed_back_and_sent_by_the_next_call(fed: Fed) -> None:
    fed.put("a.jpg", "b.jpg", "c.jpg")
    times = iter([LONG, LAST_SECONDS])
    left = fed.feed("a.jpg", "b.jpg", "c.jpg", at_once=2, seconds=lambda: next(times))
    assert left.keys == ["c.jpg"]
    told = json.loads(json.dumps(left.as_json()))
    assert told == {"BatchInput": {"at_once": 2}, "Items": [{"key": "c.jpg"}], "Counts": {"sent": 2}}
    fed.take()
    assert fed.feeder.run(Batch.of(told), lambda: LONG).counts == {"sent": 3}


def test_messages_that_the_queue_does_not_take_are_sent_again(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"{number:02}.jpg" for number in range(12)]
    fed.put(*keys)
    send = fed.world.sqs.send_message_batch
    calls = count()

    def send_but_one(**request: Any) -> Any:
        if next(calls):
            return send(**request)
        send(**{**request, "Entries": request["Entries"][1:]})
        return {
            "Failed": [{"Id": request["Entries"][0]["Id"], "Code": "InternalError", "SenderFault": False}]
        }

    monkeypatch.setattr(fed.world.sqs, "send_message_batch", send_but_one)
    assert fed.feed(*keys).counts == {"sent": 12}
    sent = [parse_event(one).key for _ in range(2) for one in fed.take()]
    assert sorted(sent) == keys


def test_an_object_that_s3_does_not_describe_is_counted_and_blocks_no_other(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed.put("a.jpg", "odd.jpg")
    head = fed.world.s3.head_object

    def refuse(**request: Any) -> Any:
        if request["Key"] == "odd.jpg":
            raise ClientError({"Error": {"Code": "400", "Message": "Bad Request"}}, "HeadObject")
        return head(**request)

    monkeypatch.setattr(fed.world.s3, "head_object", refuse)
    assert fed.feed("a.jpg", "odd.jpg").counts == {"sent": 1, "unreadable": 1}


def test_an_object_that_it_may_not_see_fails_the_batch(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")

    monkeypatch.setattr(fed.world.s3, "head_object", refuse)
    with pytest.raises(ClientError, match="Forbidden"):
        fed.feed("a.jpg")


def test_the_whole_batch_fits_into_the_input_of_a_child_execution() -> None:
    """The limit is 256 KiB: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
    longest = "\x01" * 1024  # six bytes each in JSON
    told = Batch(keys=[longest] * A_BATCH, at_once=1000, counts=dict.fromkeys(Found, A_BATCH)).as_json()
    assert len(json.dumps(told)) < 256 * 1024
