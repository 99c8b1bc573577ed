"""Where a scan is made into tiles: in the Lambda function, in a Fargate task of which size, or nowhere.

Pure: from what a header says to an estimate, and from that to a place with its reason. Fitted to what
`python3 dev.py bench placement` measures of runtime/imaging/pyramid.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from runtime.placement.limits import fargate_size, limit

MB = 1_000_000
TILE = 512


@dataclass(frozen=True, kw_only=True)
class Scan:
    """An image as its header tells of it; `imaging.header.Header` says what each is. bytes: of the file."""

    format: str
    width: int
    height: int
    bytes: int
    orientation: int = 1
    progressive: bool = False
    tiled: bool = False
    bands: int = 4
    bits: int = 8
    samples: float = 4
    block_rows: int = 1
    planar: bool = False

    @classmethod
    def of(cls, header: Mapping[str, Any], size: int) -> "Scan":
        """From the fields of an `runtime.imaging.header.Header`, and the file's size in bytes."""
        names = {field.name for field in fields(cls)} & {*header}
        known = {name: header[name] for name in names}
        return cls(**{**known, "format": str(header["format"]), "bytes": size})

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """memory_mb: the peak of the process, never below what was measured. disk_mb: for the source, which is
    downloaded; tiles are not kept. cpu_seconds: of one vCPU, without the transfers.
    """

    memory_mb: float
    disk_mb: float
    cpu_seconds: float


class Where(StrEnum):
    """What a job may end as."""

    LAMBDA = "lambda"
    FARGATE = "fargate"
    REJECT = "reject"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """reason: a sentence for whoever asks why. decided_by: the limit that decided, with its value.

    cpu (units of 1/1,024 vCPU), memory_mb and disk_gib: of the task that does it, or would if the function
    could not after all; 0 where it is rejected.
    """

    where: Where
    reason: str
    decided_by: str
    estimate: Estimate
    cpu: int = 0
    memory_mb: int = 0
    disk_gib: int = 0


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the function and the tasks are made for.

    lambda_seconds: work estimated longer goes to a task, far below what the function's timeout would allow.
    lambda_memory_mb: of the function, of which half may be used. lambda_disk_mb: of its /tmp.
    max_pixels, max_bytes: beyond them nothing is done; max_avif_pixels: what its decoder may be given.
    task_seconds: a task's own deadline.
    """

    lambda_seconds: float = 120
    lambda_memory_mb: float = 1_769
    lambda_disk_mb: float = 512
    max_pixels: int = 10_000_000_000
    max_bytes: int = 50_000_000_000
    max_avif_pixels: int = 40_000_000
    task_seconds: float = 6 * 3600


BASE_MB = 39
"""The interpreter, libvips and the buffers of its threads."""
STRIPS = 4.4
"""Rows of tiles that are kept of all levels together, as rows of the largest."""
MARGIN = 1.25
"""From the model to a bound: what allocators and threads add differs from run to run."""
HELD = {"webp": 7.0, "gif": 4.5, "avif": 13.0}
"""Bytes a pixel that a decoder holds which knows no rows."""
CPU_SECONDS = {"png": 45.0, "tiff": 30.0, "jpeg": 32.0, "webp": 50.0, "gif": 50.0, "avif": 70.0}
"""A gigapixel of three channels at eight bits, JPEG tiles among it."""
START_SECONDS = 1.0
FARGATE_VCPUS = ((1_000_000_000, 1), (4_000_000_000, 2))
"""Up to so many pixels, so many vCPUs; beyond, four."""
PLAIN = 0.97
"""Of the size of all pixels: a TIFF of so many bytes is not compressed."""
SYSTEM_MB = 200
"""What a task's memory holds beside the work."""


def estimate(scan: Scan) -> Estimate:
    """What making the tiles of `scan` takes."""
    out_bands = min(4, max(3, scan.bands))  # a grey one with a profile of its own becomes RGB
    deep = scan.bits / 8
    width = scan.height if scan.orientation >= 5 else scan.width
    strips = width * out_bands * TILE * STRIPS
    blocks = scan.width * scan.block_rows * scan.bands * deep if scan.tiled else _strip(scan)
    held = 0.0
    if scan.format == "jpeg" and scan.progressive:
        held = 2 * scan.samples
    elif scan.format == "png" and scan.progressive:
        held = scan.bands * deep
    held = HELD.get(scan.format, held) * (deep if scan.format in HELD else 1)
    if scan.orientation != 1:
        held += max(3, out_bands)
    memory = BASE_MB + (strips + blocks + held * scan.pixels) / MB
    channels = max(1, scan.bands / 3) * (1 + (deep - 1) / 2)
    cpu = START_SECONDS + scan.pixels / 1e9 * CPU_SECONDS[scan.format] * channels
    return Estimate(memory_mb=memory * MARGIN, disk_mb=scan.bytes / MB, cpu_seconds=cpu)


def _strip(scan: Scan) -> float:
    """Bytes of a TIFF's strip as it lies in the file: it is read at once, and decoded row by row.

    What is not compressed, libtiff reads row by row: https://libtiff.gitlab.io/libtiff/functions/TIFFOpen.html
    """
    whole = scan.pixels * scan.bands * scan.bits / 8
    if scan.format != "tiff" or (scan.bytes >= PLAIN * whole and not scan.planar):
        return 0
    return (whole + scan.bytes if scan.planar else scan.bytes) * scan.block_rows / scan.height


def place(scan: Scan, rules: Rules | None = None) -> Placement:
    """Where `scan` fits, and why."""
    rules = rules or Rules()
    found = estimate(scan)
    kind = f"{'progressive ' if scan.progressive else ''}{scan.format.upper()}"
    size = f"{scan.width:,} x {scan.height:,} px {kind} of {scan.bytes / MB:,.1f} MB"

    def rejected(what: str, decided_by: str) -> Placement:
        return Placement(
            where=Where.REJECT, reason=f"A {size} {what}.", decided_by=decided_by, estimate=found
        )

    most = min(rules.max_pixels, rules.max_avif_pixels) if scan.format == "avif" else rules.max_pixels
    if scan.pixels > most:
        return rejected("has more pixels than are accepted", f"max_pixels {most:,}")
    if scan.bytes > rules.max_bytes:
        return rejected("has more bytes than are accepted", f"max_bytes {rules.max_bytes:,}")

    bounds = (
        (found.cpu_seconds, rules.lambda_seconds, "s", "of work", "lambda_seconds"),
        (found.memory_mb, rules.lambda_memory_mb / 2, "MB", "of memory", "half of lambda_memory_mb"),
        (found.disk_mb, rules.lambda_disk_mb, "MB", "of disk", "lambda_disk_mb"),
    )
    over = [bound for bound in bounds if bound[0] > bound[1]]
    vcpus = next((vcpus for pixels, vcpus in FARGATE_VCPUS if scan.pixels <= pixels), 4)
    task = fargate_size(vcpus=vcpus, memory_mb=found.memory_mb + SYSTEM_MB)
    if task is None:
        largest = f"fargate.memory_mb {limit('fargate.memory_mb'):,.0f}"
        return rejected(f"takes {found.memory_mb:,.0f} MB, more than any task has", largest)
    disk = max(limit("fargate.disk_gib_included"), 10 + 2 * found.disk_mb * MB // 2**30)
    if disk > limit("fargate.disk_gib"):
        return rejected("does not fit on a task's disk", f"fargate.disk_gib {limit('fargate.disk_gib'):,.0f}")
    seconds = found.cpu_seconds / vcpus
    if seconds > rules.task_seconds:
        return rejected(f"takes some {seconds:,.0f} s of a task", f"task_seconds {rules.task_seconds:,.0f}")
    if not over:
        return Placement(
            where=Where.LAMBDA,
            reason=f"A {size} takes some {found.cpu_seconds:,.0f} s and {found.memory_mb:,.0f} MB: "
            "the function does it itself.",
            decided_by="none: it is below every limit of the function",
            estimate=found,
            cpu=task[0],
            memory_mb=task[1],
            disk_gib=int(disk),
        )
    needed, allowed, unit, what, name = over[0]
    return Placement(
        where=Where.FARGATE,
        reason=f"A {size} takes {needed:,.0f} {unit} {what}, and the function may use {allowed:,.0f}: "
        f"a task of {task[0] / 1024:g} vCPU and {task[1] / 1024:g} GB does it.",
        decided_by=f"{name} {allowed:,.0f} {unit}",
        estimate=found,
        cpu=task[0],
        memory_mb=task[1],
        disk_gib=int(disk),
    )
