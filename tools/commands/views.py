"""`python3 dev.py views`: the most viewed images, counted by StreamPattern.

`put` puts log lines of made-up views into the stream, to try it; `top` prints the counts; `redrive` puts
records that failed permanently back into the stream.
"""

import argparse
import random
import re
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.drivers.stream_pattern import NotReadError, NotTakenError, Record, StreamDriver
from tools.local_aws import running
from tools.local_aws.aws import ROOT, LocalAwsError

STACK = "StreamPattern"
SHOWN = 5
MADE_UP = 600
"""Ten views per second, for a minute."""
SEED = 21


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py views", description=__doc__)
    parser.add_argument(
        "--target", choices=("local", "aws"), default="local", help="local: the local AWS of demo --keep"
    )
    parser.add_argument("--profile", help="AWS profile, with --target aws")
    parser.add_argument("--count", type=_whole, default=MADE_UP, help="put: views in the past minute")
    parser.add_argument("--minutes", type=_whole, default=60, help="top: how far back")
    parser.add_argument("--aged", action="store_true", help="redrive: also records that were only too old")
    parser.add_argument("--malformed", action="store_true", help="redrive: only unreadable records")
    parser.add_argument("what", nargs="?", choices=("top", "put", "redrive"), default="top")
    options = parser.parse_args(arguments)
    console = Console()
    try:
        found = running.find(STACK, options.target, options.profile)
        driver = StreamDriver(client=found.client, outputs=found.outputs)
        if options.what == "put":
            driver.put(made_up(options.count))
            console.print(
                f"{options.count:,} views are in the stream; `views top` shows them in a few seconds."
            )
        elif options.what == "redrive":
            objects, records = driver.redrive(aged=options.aged, malformed=options.malformed)
            console.print(f"{records:,} records of {objects:,} objects are in the stream again.")
        else:
            since = datetime.now(UTC) - timedelta(minutes=options.minutes)
            console.print(top(driver, f"{since:%Y-%m-%dT%H:%MZ}") or "No views were counted.")
            if behind := driver.behind():
                console.print(f"A record that came {behind / 1000:,.0f} s ago is not counted yet.")
    except (LocalAwsError, NotReadError, NotTakenError, BotoCoreError, ClientError) as error:
        console.print(f"Error: {error}", style="red", markup=False)
        return 1
    return 0


def _whole(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise argparse.ArgumentTypeError(f"invalid value {text!r}. Allowed: 1 to 999,999.")
    return int(text)


def made_up(count: int, *, now: float | None = None) -> list[Record]:
    """Return CloudFront log lines: views of the samples in the last minute; the first sample is seen most."""
    rng = random.Random(SEED)
    names = sorted(path.name for path in (Path(ROOT) / "samples").glob("*.jpg"))
    end = time.time() if now is None else now
    images = rng.choices(names, weights=[1 / (place + 1) for place in range(len(names))], k=count)
    made = []
    for number, image in enumerate(images):
        second, request_id = end - 60 + 60 * number / count, f"{uuid.uuid4().hex}=="
        path, result = f"/iiif/3/{image}/full/%5E600,/0/default.webp", rng.choice(("Hit", "Hit", "Miss"))
        line = "\t".join((f"{second:.3f}", "200", "GET", path, request_id, result))
        made.append((request_id, f"{line}\n".encode()))
    return made


def top(driver: StreamDriver, since: str) -> Table | None:
    """Return the most viewed images; None if there are no views."""
    views = driver.views(since=since)
    if not views:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("image", no_wrap=True)
    table.add_column("views", justify="right", no_wrap=True)
    for image, count in sorted(views.items(), key=lambda one: (-one[1], one[0]))[:SHOWN]:
        table.add_row(escape(image), f"{count:,}")
    table.caption = f"{views.total():,} views of {len(views):,} images{f' since {since}' if since else ''}"
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
