"""HybridPattern's worker on a gigapixel scan, uploads included: memory, and CPU per tile."""

import json
import logging
import statistics
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer
from rich.progress import track

from bench.measure import ROOT, ratio, run, save, sized
from bench.pyramid import HEIGHT, WIDTH, scan
from runtime.events import job_id
from runtime.jobs.record import Job
from runtime.jobs.table import JobStore

logging.getLogger("werkzeug").setLevel(logging.WARNING)  # moto's server logs each request
ROUNDS = sized(3, 1)
PEER = Path("bench") / "peers"
LIMIT = str(10**10)
TOLD = {
    "JOB_TABLE": "jobs",
    "OUTPUT_BUCKET": "output",
    "TILES_URL": "https://tiles.example.com",
    "ATTEMPT": "1",
}
LIMITS = {"MAX_PIXELS": LIMIT, "MAX_BYTES": LIMIT, "TASK_SECONDS": "3600", "VIPS_CONCURRENCY": "2"}
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


def world(url: str, file: Path) -> Job:
    """Create the buckets, the table, the scan, and its job, ready for a task to begin."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=url)
    for bucket in ("source", "output"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
    with file.open("rb") as body:
        version = s3.put_object(Bucket="source", Key=file.name, Body=body)["VersionId"]
    dynamodb = session.resource("dynamodb", endpoint_url=url)
    table = dynamodb.create_table(
        TableName="jobs",
        KeySchema=[{"AttributeName": "job_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "job_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    job = Job(
        job_id=job_id("source", file.name, version),
        bucket="source",
        key=file.name,
        version_id=version,
        sequencer="10",
        bytes=file.stat().st_size,
        where="fargate",
        placement="A benchmark",
        decided_by="",
    )
    return JobStore(table=table).create(job)


def measure(file: Path, tree: Path = ROOT) -> tuple[float, float, int]:
    """Return peak MB, CPU seconds and tiles of one run of a checkout's worker against its own fake AWS."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        urllib.request.urlopen(f"{url}/moto-api/reset", data=b"").close()  # noqa: S310 - moto keeps its state
        job = world(url, file)
        where = {"AWS_ENDPOINT_URL": url, "JOB_ID": job.job_id, "TMPDIR": str(file.parent)}
        told = run(
            [sys.executable, tree / PEER / "worker.py"], tree=tree, **TOLD, **LIMITS, **ACCOUNT, **where
        )
        s3 = boto3.Session("test", "test", region_name="us-east-1").client("s3", endpoint_url=url)
        manifest = s3.get_object(Bucket="output", Key=f"v/{job.job_id}/manifest.json")["Body"].read()
        peak, cpu = map(float, told.printed.splitlines()[-1].split())
        return peak, cpu, int(json.loads(manifest)["pyramid"]["tiles"])
    finally:
        server.stop()


def work(tree: Path, stack: ExitStack) -> dict[str, Callable[[], float]]:
    """Return, by name, a function that measures the CPU of a checkout's worker on a whole scan."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    file = scan(WIDTH, HEIGHT, Path(folder) / "scan.tif")
    return {"the worker": lambda: measure(file, tree)[1]}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = scan(WIDTH, HEIGHT, Path(folder) / "scan.tif")
        writing, working = [], []
        for _ in track(range(ROUNDS), description="rounds"):
            writing.append(
                run([sys.executable, ROOT / PEER / "pyramid.py", "ours", file], VIPS_CONCURRENCY="2")
            )
            working.append(measure(file))
    tiles = working[0][2]
    alone = [(float(one.printed), one.cpu) for one in writing]
    whole = [(peak, cpu) for peak, cpu, _ in working]
    names = ("tiles alone, discarded by a callback", "the worker: download, tiles, uploads, record")
    rows = []
    for name, runs in zip(names, (alone, whole), strict=True):
        peak, cpu = zip(*runs, strict=True)
        middle = statistics.median(cpu)
        rows.append([name, f"{middle:.1f} s", f"{middle / tiles * 1000:.1f} ms", f"{max(peak):.0f} MB"])
    uploads = [ours[1] - discarded.cpu for ours, discarded in zip(working, writing, strict=True)]
    figures = {
        "peak MB": max(one[0] for one in working),
        "tiles": tiles,
        "ms per upload": statistics.median(uploads) / tiles * 1000,
        "of tiles alone": round(ratio([cpu for _, cpu in whole], [cpu for _, cpu in alone]), 3),
    }
    table = [["", "CPU", "CPU per tile", "peak memory"], *rows]
    save("worker", {"rounds": ROUNDS, "figures": figures, "table": table})


if __name__ == "__main__":
    main()
