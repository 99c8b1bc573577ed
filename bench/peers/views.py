"""Prints the CPU seconds for decoding and parsing batches of records, or for counting their views as well.

python -m bench.peers.views parse|count BATCHES SIZE
"""

import base64
import random
import sys
import time
from typing import Any

from lambda_src.views.log_lines import read_line
from tests.support.log_lines import kinesis_event, log_line

IMAGES = 1000
SECONDS = 10
"""Length of a batch: the event source mapping's window."""


class Context:
    """The part of Lambda's context that Powertools and the handler read."""

    function_name = "views"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:views"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def batches(count: int, size: int) -> list[dict[str, Any]]:
    """Return batches of one shard, in order: views of a thousand images and requests for their tiles."""
    rng = random.Random(21)
    weights = [1 / (place + 1) for place in range(IMAGES)]
    made = []
    for batch in range(count):
        lines = []
        for number, image in enumerate(rng.choices(range(IMAGES), weights, k=size)):
            region = rng.choice(("full", "0,0,512,512", "512,0,512,512"))
            lines.append(
                log_line(
                    f"/iiif/3/photos%2F{image}.jpg/{region}/512,/0/default.webp",
                    request_id=f"{rng.getrandbits(128):x}==",
                    second=1_764_158_400 + SECONDS * (batch + number / size),
                )
            )
        made.append(kinesis_event(lines, start=1 + batch * size))
    return made


def main(what: str, count: str, size: str) -> None:
    events = batches(int(count), int(size))
    if what == "parse":
        started = time.process_time()
        for event in events:
            for record in event["Records"]:
                kinesis = record["kinesis"]
                read_line(base64.b64decode(kinesis["data"]), kinesis["approximateArrivalTimestamp"])
    else:
        from lambda_src.views.handler import handler

        handler(kinesis_event([log_line()], shard="shardId-000000000001"), Context())  # connects, not timed
        started = time.process_time()
        for event in events:
            assert handler(event, Context()) == {"batchItemFailures": []}
    print(time.process_time() - started)


if __name__ == "__main__":
    main(*sys.argv[1:])
