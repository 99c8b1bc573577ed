"""How long live uploads take to be published during a backfill, and without one."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import track

from bench.measure import save, sized
from stacks.backfill import stack as backfill_stack
from tests.support.images import encode, noise
from tools.commands.backfill import parameters
from tools.commands.backfill_plan import DEFAULTS
from tools.drivers.backfill import BackfillDriver
from tools.drivers.lambda_pattern import LambdaDriver
from tools.local_aws.aws import local_aws
from tools.local_aws.deployment import Cdk, deployed

ROUNDS = sized(5, 1)
UPLOADS = sized(20, 3)
"""Uploads per round, one after another: this many without a backfill, then as many during one."""
OBJECTS = sized(2_000, 300)
"""Objects to backfill: more than can be processed in one round."""
PATTERN = "LambdaPattern"
STACK = f"{PATTERN}Backfill"
LOOK_SECONDS = 0.2
PHOTO = encode(noise(640, 480), ".jpg")


def seconds(pattern: LambdaDriver, name: str) -> list[float]:
    """Return the seconds from each upload to its manifest."""
    return [
        pattern.result(pattern.upload(f"live/{name}-{number}.jpg", PHOTO)).seconds
        for number in range(UPLOADS)
    ]


@contextmanager
def going_on(feed: BackfillDriver) -> Iterator[None]:
    """Run a backfill with the command's default for --at-once; yield once its first objects are done.

    Raises RuntimeError if the backfill ends before the `with` block does.
    """
    execution = feed.start(prefix="old/", at_once=DEFAULTS[PATTERN].at_once)
    while not (seen := feed.progress(execution)).done and seen.is_running:
        time.sleep(LOOK_SECONDS)  # Step Functions has no waiter
    try:
        yield
        if not feed.progress(execution).is_running:
            raise RuntimeError(f"{OBJECTS} objects were too few: the backfill ended before the uploads.")
    finally:
        feed.stop(execution)
        while feed.progress(execution).is_running:
            time.sleep(LOOK_SECONDS)


def main() -> None:
    """Measure live uploads without and during a backfill in turn, and store the result."""
    alone, beside = [], []
    with tempfile.TemporaryDirectory() as folder, local_aws(Path(folder) / "log") as aws:
        cdk = Cdk(aws=aws, folder=Path(folder))
        with deployed(cdk, PATTERN) as outputs:
            pattern = LambdaDriver(client=aws.client, outputs=outputs[PATTERN])
            feeding = Cdk(aws=aws, folder=Path(folder), program=f"python3 -m {backfill_stack.__name__}")
            made = feeding.deploy(STACK, *parameters(PATTERN, pattern.outputs))
            feed = BackfillDriver(client=aws.client, outputs=made[STACK])
            _put(pattern)
            for number in track(range(ROUNDS), description="rounds"):
                alone += seconds(pattern, f"alone-{number}")
                with going_on(feed):
                    beside += seconds(pattern, f"beside-{number}")
            feeding.destroy(STACK)
    rows = [
        [
            name,
            f"{statistics.median(found) * 1000:.0f} ms",
            f"{sorted(found)[int(0.9 * len(found))] * 1000:.0f} ms",
        ]
        for name, found in (("without a backfill", alone), ("with one", beside))
    ]
    times = round(statistics.median(beside) / statistics.median(alone), 3)
    table = [["a live upload is published", "median", "nine of ten within"], *rows]
    save("backfill", {"rounds": ROUNDS, "uploads": UPLOADS, "figures": {"of alone": times}, "table": table})


def _put(pattern: LambdaDriver) -> None:
    """Put objects without notifying the pattern."""
    events = pattern.client("events")
    (rule,) = (one["Name"] for one in events.list_rules()["Rules"])
    events.disable_rule(Name=rule)
    for number in range(OBJECTS):
        pattern.s3.put_object(Bucket=pattern.source, Key=f"old/{number:05}.jpg", Body=PHOTO)
    events.enable_rule(Name=rule)


if __name__ == "__main__":
    main()
