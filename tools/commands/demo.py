"""`python3 dev.py demo`: deploys the real templates to a local AWS, sends photos, and shows the results."""

import argparse
import re
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyvips
from rich import box
from rich.console import Console
from rich.status import Status
from rich.table import Table

from app import PATTERNS
from chooser.candidates import Candidate
from runtime.jobs.record import Job, State
from stacks.settings import SettingsError
from tools.commands import views
from tools.commands.costs import a_million
from tools.commands.gallery import write_film, write_gallery, write_tiles, write_viewer
from tools.commands.preflight import read_settings
from tools.commands.program import number_a_text
from tools.drivers.deployed import Answer
from tools.drivers.fargate_pattern import ServiceDriver
from tools.drivers.hybrid_pattern import HybridDriver
from tools.drivers.lambda_pattern import LambdaDriver
from tools.drivers.queue_pattern import QueueDriver
from tools.drivers.stream_pattern import NotTakenError, StreamDriver
from tools.drivers.uploads import Result
from tools.drivers.viewer import Viewer
from tools.local_aws import running
from tools.local_aws.aws import ROOT, LocalAws, LocalAwsError, local_aws
from tools.local_aws.deployment import Cdk

FOLDER = ROOT / "build" / "demo"
STACKS = ("Network", *PATTERNS)
SHOWN = "earth-blue-marble.jpg"
SMALL_SCAN, LARGE_SCAN, FILM = "earth-night.jpg", "earth-134-megapixels.jpg", "test-pattern.mp4"
ENLARGED = 4
MILLION = "a million"
OTHER_PUTS = 2
"""PUT requests for the manifest and its pointer. A scan's `info.json` and `full/max`, or a video's MP4 and
poster, take as many again.
"""
REQUESTS = (
    "full/^!600,600/0/default.webp",
    "square/300,/0/default.jpg",
    "pct:30,20,25,25/400,/0/default.webp",
    "full/300,/22.5/default.png",
    "full/300,/!0/gray.jpg",
    "square/200,/0/bitonal.png",
)
IMAGES_BY = {"Fargate": Candidate.SERVICE, "Lambda": Candidate.LAMBDA}
REFUSED = {
    "notes.jpg": b"Not a photo, whatever its name says.\n",
    "IMG_0001.HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C, for the aws CLI")
    parser.add_argument("-c", "--context", action="append", default=[], help="setting=value, as cdk takes it")
    options = parser.parse_args(arguments)
    console = Console()
    try:
        return _demo(console, keep=options.keep, context=options.context)
    except (LocalAwsError, NotTakenError, SettingsError, TimeoutError) as error:
        console.print(f"Error: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped; nothing is left running.")
        return 130


def _demo(console: Console, *, keep: bool, context: Sequence[str]) -> int:
    read_settings([*context, "target=local"])  # reports an invalid setting before anything starts
    with (
        console.status("Starting the local AWS (MiniStack, IAM enforced) ...") as status,
        local_aws(FOLDER / "local-aws.log") as aws,
    ):
        cdk = Cdk(aws=aws, folder=FOLDER / "cdk", context=("videos=on", *context))
        _step(status, "cdk bootstrap ...")
        cdk.bootstrap()
        console.print("[green]✓[/] local AWS, bootstrapped")
        _step(status, f"cdk deploy {' '.join(STACKS)} (under a minute) ...")
        outputs = cdk.deploy(*STACKS)
        console.print(f"[green]✓[/] {', '.join(STACKS)} deployed by the CDK CLI", soft_wrap=True)
        _step(status, "Uploading photos ...")
        driver = LambdaDriver(client=aws.client, outputs=outputs["LambdaPattern"])
        results = _upload(driver)
        console.print(_table(results))
        _step(status, "Asking the image service ...")
        service = ServiceDriver(client=aws.client, outputs=outputs["FargatePattern"], endpoint=aws.url)
        service.wait_until_steady()
        served = _ask(service, *REQUESTS)
        function = Viewer(client=aws.client, outputs=outputs["LambdaService"], endpoint=aws.url)
        by_function = _ask(function, *REQUESTS[:2])
        console.print(_requests({"Fargate": served, "Lambda": by_function}, aws))
        _step(status, "Uploading scans and a video ...")
        hybrid = HybridDriver(
            client=aws.client, resource=aws.resource, outputs=outputs["HybridPattern"], endpoint=aws.url
        )
        shutil.rmtree(FOLDER / "scans", ignore_errors=True)
        scans = _tile(hybrid, status)
        console.print(_scans(scans, hybrid))
        for job in scans:
            console.print(f"{job.message or job.placement}\n", highlight=False, markup=False)
        _step(status, "Uploading a scan to the queue ...")
        queue = QueueDriver(client=aws.client, outputs=outputs["QueuePattern"], endpoint=aws.url)
        console.print(f"{_by_queue(queue)}\n{number_a_text(aws, hybrid)}\n", highlight=False, soft_wrap=True)
        _step(status, "Counting a minute of views ...")
        console.print(_views(StreamDriver(client=aws.client, outputs=outputs["StreamPattern"])))
        _step(status, "Fetching the tiles ...")
        shown = {
            job.key: (write_film if job.key == FILM else write_tiles)(hybrid, job, FOLDER / "scans")
            for job in scans
            if job.state is State.DONE
        }
        page = write_gallery(driver, results, served, shown, FOLDER / "index.html")
        console.print(f"Pictures: {page.relative_to(ROOT)} (open it from disk)")
        if keep:
            status.stop()
            viewer = write_viewer(f"{service.browser_url}{service.image(SHOWN)}", FOLDER / "viewer.html")
            console.print(f"Viewer: {viewer.relative_to(ROOT)} (zoom into {SHOWN}, live from the service)")
            running.save(aws, outputs)
            _wait(console, aws, driver, service, hybrid)
        else:
            _step(status, f"cdk destroy {' '.join(STACKS)} ...")
            cdk.destroy(*STACKS)
            console.print("[green]✓[/] destroyed, nothing left running")
    done = sum(1 for one in results if one.manifest) == len(results) - len(REFUSED)
    tiled = all(job.state is State.DONE for job in scans)
    answered = all(one.status == 200 for one in (*served.values(), *by_function.values()))
    return 0 if done and tiled and answered else 1


def _step(status: Status, text: str) -> None:
    """Show what is being done; if the output is not a terminal, print it as a line too."""
    status.update(text)
    if not status.console.is_terminal:
        status.console.print(text, soft_wrap=True, highlight=False)


def _views(stream: StreamDriver) -> Table | None:
    """Put made-up log lines into the stream, as there are no real views; return the most viewed images."""
    stream.put(views.made_up(views.MADE_UP))
    stream.wait(views.MADE_UP)
    return views.top(stream, "")


def _tile(hybrid: HybridDriver, status: Status) -> list[Job]:
    """Upload a scan for the function, one for a task (progressive, rotated), and a video; return the jobs."""
    enlarged = pyvips.Image.new_from_file(str(ROOT / "samples" / SHOWN)).resize(ENLARGED)
    enlarged.set_type(pyvips.GValue.gint_type, "orientation", 6)
    large = enlarged.write_to_buffer(".jpg", Q=80, interlace=True)
    small = (ROOT / "samples" / SMALL_SCAN).read_bytes()
    files = {SMALL_SCAN: small, LARGE_SCAN: large, FILM: (ROOT / "samples" / FILM).read_bytes()}
    uploads = [hybrid.upload(name, data) for name, data in files.items()]

    def tell(job: Job) -> None:
        status.update(f"{job.key}: {job.state}, {job.percent} % ({job.where}) ...")

    return [hybrid.wait(upload, tell=tell) for upload in uploads]


def _by_queue(queue: QueueDriver) -> str:
    """Upload a scan; return a sentence on its result. Raises LocalAwsError if it is rejected."""
    result = queue.result(queue.upload(SMALL_SCAN, (ROOT / "samples" / SMALL_SCAN).read_bytes()))
    if not result.manifest:
        raise LocalAwsError(f"QueuePattern rejected {SMALL_SCAN}: {result.rejection}")
    tiles = result.manifest["pyramid"]["tiles"]
    return f"QueuePattern: {SMALL_SCAN} as {tiles} tiles, by a task that reads a queue."


def _scans(jobs: Sequence[Job], hybrid: HybridDriver) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("scan or video", no_wrap=True)
    for heading in ("tiles", "MB", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("where", no_wrap=True)
    table.add_column(MILLION, justify="right", no_wrap=True)
    for job in jobs:
        if job.state is not State.DONE:
            table.add_row(job.key, "", "", "", job.where.title(), "")
            continue
        found = hybrid.manifest(job)
        made, spent = found.get("pyramid") or found["video"], sum(found["timings_ms"].values())
        size, seconds = f"{made['bytes'] / 1e6:.1f}", f"{spent / 1000:.1f} s"
        candidate = Candidate.LAMBDA if job.where == "lambda" else Candidate.RUN_TASK
        usd = a_million(candidate, spent, puts=made.get("tiles", 0) + 2 * OTHER_PUTS, events=1)
        tiles = f"{made['tiles']:,}" if "tiles" in made else ""
        table.add_row(job.key, tiles, size, seconds, job.where.title(), usd)
    return table


def _ask(service: Viewer, *requests: str) -> dict[str, Answer]:
    """Upload a photo; return the service's answers for it, by path."""
    service.upload(SHOWN, (ROOT / "samples" / SHOWN).read_bytes())
    paths = [f"{service.image(SHOWN)}/{request}" for request in requests]
    return {path: service.get(path) for path in paths}


def _requests(served: Mapping[str, Mapping[str, Answer]], aws: LocalAws) -> Table:
    """Return a table with a row per answer. served: answers by where the service ran."""
    how = {"docker": "a container", "processes": "a process"}[aws.containers["LOCAL_AWS_CONTAINERS"]]
    caption = f"Fargate: here {how} on this machine, behind CloudFront and a load balancer."
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), caption=caption)
    table.add_column(f"{SHOWN} by the IIIF Image API", no_wrap=True)
    for heading in ("kB", "work"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("where", no_wrap=True)
    table.add_column(MILLION, justify="right", no_wrap=True)
    for where, path, answer in ((where, *one) for where, ones in served.items() for one in ones.items()):
        work = re.search(r"work;dur=([\d.]+)", answer.headers.get("server-timing", ""))
        usd = a_million(IMAGES_BY[where], float(work[1])) if work else ""
        kilobytes = f"{len(answer.body) / 1000:,.0f}" if answer.status == 200 else f"[red]{answer.status}"
        asked = "/".join(path.split("/")[4:])
        table.add_row(asked, kilobytes, f"{float(work[1]):,.0f} ms" if work else "", where, usd)
    return table


def _upload(driver: LambdaDriver) -> list[Result]:
    files = {path.name: path.read_bytes() for path in sorted((ROOT / "samples").glob("*.jpg"))}
    uploads = [driver.upload(f"photos/{name}", data) for name, data in {**files, **REFUSED}.items()]
    return [driver.result(upload) for upload in uploads]


def _table(results: Sequence[Result]) -> Table:
    where = "WebP, never enlarged, by Lambda: here a process on this machine."
    caption = f"{where}\nA million: USD, x86_64, list prices, with S3's writes and one read."
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), caption=caption)
    for heading in ("photo", "what was made"):
        table.add_column(heading, no_wrap=True)
    for heading in ("kB", "work"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(MILLION, justify="right", no_wrap=True)
    for result in results:
        name = Path(result.upload.key).name
        spent = sum(result.manifest["timings_ms"].values()) if result.manifest else 0
        work, usd = (f"{spent:,.0f} ms", _of_photo(result, spent)) if spent else ("", "")
        table.add_row(name, _made(result), _kilobytes(result), work, usd)
    return table


def _of_photo(result: Result, milliseconds: float) -> str:
    puts = len(result.manifest["renditions"]) + OTHER_PUTS if result.manifest else 0
    return a_million(Candidate.LAMBDA, milliseconds, puts=puts, events=1)


def _made(result: Result) -> str:
    if result.rejection:
        return f"[yellow]{result.rejection['reason']}"
    assert result.manifest
    edges = (max(one["width"], one["height"]) for one in result.manifest["renditions"])
    return f"{', '.join(map(str, edges))} px"


def _kilobytes(result: Result) -> str:
    size = f"{result.upload.bytes / 1000:,.0f}"
    if not result.manifest:
        return size
    return f"{size} → {sum(one['bytes'] for one in result.manifest['renditions']) / 1000:,.0f}"


def _wait(
    console: Console, aws: LocalAws, driver: LambdaDriver, service: ServiceDriver, hybrid: HybridDriver
) -> None:
    lines = [
        *(f"export {name}={value}" for name, value in aws.environment.items()),
        f"aws s3 cp samples/rocket.jpg s3://{driver.source}/mine.jpg",
        f"aws s3 cp s3://{driver.output}/latest/mine.jpg.json -",
        f"aws s3 ls --recursive s3://{driver.output}/",
        f"aws logs filter-log-events --log-group-name {driver.log_group()} --query 'events[].message'",
        f"aws s3 cp samples/rocket.jpg s3://{service.source}/rocket.jpg",
        f"curl {service.browser_url}{service.image('rocket.jpg')}/info.json",
        f"aws s3 cp samples/hubble_deep_field.jpg s3://{hybrid.source}/hubble.jpg",
        f"aws s3 cp samples/{FILM} s3://{hybrid.source}/film.mp4",
        "python3 dev.py jobs",
        "python3 dev.py views",
    ]
    console.print("\nIt is running until you press Ctrl-C. In another terminal:\n")
    if not shutil.which("aws"):
        console.print("  alias aws=.ministack/bin/aws", highlight=False)
    for line in lines:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("\nStopping; nothing is left running.")
    finally:
        running.clear()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what it started is stopped
    sys.exit(main(sys.argv[1:]))
