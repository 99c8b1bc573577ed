"""Three thousand hostile files through the function's own code, in a process with limited memory and time."""

import collections
import contextlib
import io
import json
import re
import resource
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_src.renditions.photos import Photos
from lambda_src.renditions.upload import UploadProcessor
from runtime.events import Change, ObjectEvent
from runtime.imaging.limits import Limits
from runtime.imaging.probe import probe_bytes
from runtime.imaging.renditions import render
from runtime.rejection import Rejected
from runtime.results import Output
from tests.support.hostile import ATTACKS, KINDS, corpus, seed_files, zeros

ROOT = Path(__file__).parents[4]
COUNT, SEED = 3_000, 20261123
FUNCTION_MB, PEAK_MB = 1769, 800
SLOWEST_SECONDS = 30
"""CPU seconds: the slowest file takes one; an attack that works would take minutes."""


class Bucket:
    """Both buckets at once: the source returns one file, the output accepts all."""

    def __init__(self) -> None:
        self.source = b""
        self.stored: dict[str, bytes] = {}

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:  # noqa: N803
        if Bucket != "source" and Key not in self.stored:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        data = self.source if Bucket == "source" else self.stored[Key]
        return {"Body": io.BytesIO(data), "ContentLength": len(data), "ETag": "1"}

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.stored[Key] = Body

    def head_object(self, **_: Any) -> None:
        pass

    def delete_objects(self, *, Delete: Any, **_: Any) -> dict[str, Any]:  # noqa: N803
        for one in Delete["Objects"]:
            self.stored.pop(one["Key"], None)
        return {}


def run_all() -> None:
    """Bound this process's memory, process every file, and print a line of JSON about them all."""
    resource.setrlimit(resource.RLIMIT_AS, (FUNCTION_MB * 2**20, FUNCTION_MB * 2**20))
    ends: collections.Counter[str] = collections.Counter()
    slowest = (0.0, -1)
    for number, data in corpus(SEED, COUNT):
        bucket: Any = Bucket()
        bucket.source = data
        processor = UploadProcessor(
            s3=bucket, output=Output(s3=bucket, bucket="output"), work=Photos(limits=Limits())
        )
        event = ObjectEvent(
            change=Change.CREATED, bucket="source", key="a", version_id="1", sequencer="1", size=len(data)
        )
        print(number, file=sys.stderr, flush=True)
        started = time.process_time()
        outcome = processor.run(event)
        slowest = max(slowest, (time.process_time() - started, number))
        ends[outcome.facts.get("reason", outcome.metric)] += 1
        assert outcome.metric in ("Published", "Rejected")
        one_place = {key.partition("/")[0] for key in bucket.stored}
        assert one_place == ({"v", "latest"} if outcome.metric == "Published" else {"rejected"}), number
    print(json.dumps({"ends": ends, "slowest": slowest, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """Return this process's own peak memory: getrusage's value is never below the parent's at the fork."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def run_one(data: bytes, size: int) -> str:
    """Process one file, and return the reason of its rejection; any other outcome fails the assertion."""
    bucket: Any = Bucket()
    bucket.source = data
    processor = UploadProcessor(
        s3=bucket, output=Output(s3=bucket, bucket="output"), work=Photos(limits=Limits())
    )
    event = ObjectEvent(
        change=Change.CREATED, bucket="source", key="a", version_id="1", sequencer="1", size=size
    )
    outcome = processor.run(event)
    assert [key.partition("/")[0] for key in bucket.stored] == ["rejected"]
    return str(outcome.facts["reason"])


def png_of_65_500_square() -> bytes:
    """Return a PNG of 4.3 gigapixels in a few hundred kB."""
    header = (b"IHDR", struct.pack(">IIBBBBB", 65_500, 65_500, 8, 2, 0, 0, 0))
    chunks = [header, *[(b"IDAT", zeros(100_000_000))] * 3]
    body = (
        struct.pack(">I", len(it)) + kind + it + struct.pack(">I", zlib.crc32(kind + it))
        for kind, it in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def run_named(folder: str) -> None:
    """Process each file of a folder, and one whose event says 600 MB; print a line of JSON."""
    ends = {
        path.name: run_one(path.read_bytes(), path.stat().st_size) for path in sorted(Path(folder).iterdir())
    }
    ends["600 MB"] = run_one(b"never asked for", 600_000_000)
    print(json.dumps({"ends": ends, "peak_mb": peak_mb()}))


def test_common_hostile_files_are_rejected_for_their_own_reasons_in_under_200_mb(tmp_path: Path) -> None:
    files = {
        "bomb.png": png_of_65_500_square(),
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "text.jpg": b"Dear all,",
        "nothing.jpg": b"",
        "cut.jpg": seed_files()[0][:-500],
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert 200_000 < len(files["bomb.png"]) < 500_000
    code = (
        f"from tests.unit.lambda_src.renditions.test_hostile import run_named; run_named({str(tmp_path)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["ends"] == {
        "bomb.png": "too-many-pixels",
        "drawing.svg": "unsupported-format",
        "text.jpg": "not-an-image",
        "nothing.jpg": "empty",
        "cut.jpg": "truncated",
        "600 MB": "too-many-bytes",
    }
    assert found["peak_mb"] < 200


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """Return the report on the corpus, made by a separate process with a time limit."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tests.unit.lambda_src.renditions.test_hostile import run_all; run_all()",
        ],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "VIPS_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "2"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    numbers = [line for line in done.stderr.splitlines() if line.isdigit()]
    last = numbers[-1] if numbers else "none"
    again = f"to write it: python -m tests.support.hostile {SEED} {last} FILE"
    assert done.returncode != -signal.SIGSEGV, f"crashed on file {last}; {again}"
    assert done.returncode == 0, (
        f"ended with {done.returncode} on file {last}; {again}\n{done.stderr[-1500:]}"
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_every_hostile_file_ends_published_or_rejected(report: dict[str, Any]) -> None:
    assert sum(report["ends"].values()) == COUNT


def test_the_corpus_leads_to_these_six_reasons_and_to_published_files(report: dict[str, Any]) -> None:
    reasons = {"empty", "not-an-image", "unsupported-format", "truncated", "damaged", "too-many-pixels"}
    assert reasons | {"Published"} == set(report["ends"])


def test_no_hostile_file_takes_much_memory_or_time(report: dict[str, Any]) -> None:
    assert report["peak_mb"] < PEAK_MB
    seconds, number = report["slowest"]
    assert seconds < SLOWEST_SECONDS, f"file {number}"


def test_a_file_cut_at_any_of_twenty_places_is_rejected_or_renders_as_the_whole_one() -> None:
    """In a TIFF pyramid, smaller pages come after the picture, so a cut may spare the picture."""

    def renditions(data: bytes) -> list[bytes]:
        return [one.data for one in render(data, probe_bytes(data), Limits()).renditions]

    for data in seed_files():
        whole = renditions(data)
        for cut in range(20):
            with contextlib.suppress(Rejected):
                assert renditions(data[: len(data) * cut // 20]) == whole


def test_the_corpus_is_the_same_for_the_same_seed() -> None:
    assert [data for _, data in corpus(1, len(ATTACKS))] == [data for _, data in corpus(1, len(ATTACKS))]
    assert len(seed_files()) == 2 * len(KINDS)
