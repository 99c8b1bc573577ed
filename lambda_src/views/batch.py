"""One batch of a shard's records: what is counted, set aside, or retried."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.views.counters import Counters, Part, is_after
from lambda_src.views.log_lines import MalformedError, Request
from lambda_src.views.metrics import Metric

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


CALL_SECONDS = 15
"""Longest duration of a call, if every try times out: three of 4 s (the client's config in handler.py), with
botocore's pauses of up to 1 s and 2 s between them.
"""
PART_SECONDS = 2 * CALL_SECONDS


@dataclass(frozen=True, slots=True)
class Read:
    """A record and its parsed content. data: the raw bytes, in case it is set aside."""

    sequence: str
    data: bytes
    partition_key: str
    found: Request | MalformedError


@dataclass(kw_only=True)
class Done:
    """What became of a batch. counts: records by metric.

    again, why: sequence number of the first record to retry, and the reason; "" if there is none.
    """

    counts: Counter[str] = field(default_factory=Counter)
    again: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Counts the records of batches. s3: boto3's client. set_aside: the bucket for malformed records."""

    counters: Counters
    s3: "S3Client"
    set_aside: str

    def count(self, shard: str, records: Iterable[Read], seconds_left: Callable[[], float]) -> Done:
        """Count the records in order, stopping at the first part that cannot be counted now.

        seconds_left: until the function's timeout; a part begins only if all retries of its calls fit.
        """
        done = Done()
        records = list(records)
        if not records:
            return done
        part = None
        try:
            mark = self.counters.mark_of(shard)
            done.counts[Metric.ALREADY_COUNTED] = sum(not is_after(one.sequence, mark) for one in records)
            for part in parts(records, mark):
                if seconds_left() < PART_SECONDS:
                    done.again, done.why = part.first, "There is no time for more in this invocation."
                    break
                self._keep(shard, part)
                self.counters.add(shard, part, after=mark)
                mark = part.last
                done.counts += part.counts
        except (BotoCoreError, ClientError) as error:
            done.again, done.why = part.first if part else records[0].sequence, str(error)
        return done

    def _keep(self, shard: str, part: Part) -> None:
        """Store malformed records before the mark moves; a retried part stores them again."""
        if part.malformed:
            lines = "".join(f"{json.dumps(one)}\n" for one in part.malformed)
            self.s3.put_object(
                Bucket=self.set_aside,
                Key=f"malformed/{shard}/{part.malformed[0]['sequence']}.jsonl",
                Body=lines.encode(),
                ContentType="application/jsonl",
            )


def parts(records: Iterable[Read], mark: str) -> Iterator[Part]:
    """Yield the records after `mark`, cut so that the views of each part fit into one transaction.

    A request id that occurred earlier in the batch is not counted again: the producer sent the record twice.
    In two different batches it is counted twice.
    """
    seen: set[str] = set()
    part: Part | None = None
    for record in records:
        found = record.found
        is_new = isinstance(found, Request) and found.request_id not in seen
        if isinstance(found, Request):
            seen.add(found.request_id)
        if not is_after(record.sequence, mark):
            continue
        key = (found.image, found.minute) if isinstance(found, Request) and is_new and found.image else None
        if part and key and not part.has_room_for(key):
            yield part
            part = None
        part = part or Part(first=record.sequence, last=record.sequence)
        part.last = record.sequence
        if isinstance(found, MalformedError):
            part.malformed.append(_set_aside(record, found))
            part.counts[Metric.MALFORMED] += 1
        elif key:
            part.views[key] += 1
            part.counts[Metric.VIEWS] += 1
            part.counts[Metric.FROM_CACHE] += found.from_cache
        else:
            part.counts[Metric.OTHER_REQUESTS if is_new else Metric.REPEATED] += 1
    if part:
        yield part


def _set_aside(record: Read, reason: MalformedError) -> dict[str, str]:
    return {
        "sequence": record.sequence,
        "reason": str(reason),
        "partition_key": record.partition_key,
        "data": base64.b64encode(record.data).decode(),
    }
