"""Estimate for making a scan's tiles, from its header. Pure, and without an image library."""

from runtime.imaging.header import Header
from runtime.imaging.tiles import tile_side
from runtime.placement.placement import MB, Estimate

BASE_MB = 39
"""Memory of the interpreter, libvips and its threads' buffers."""
ROW_BUFFER_FACTOR = 4.4
"""Rows of tiles kept in memory for all levels together, counted in rows of the largest level."""
MARGIN = 1.25
"""Safety margin of the model: the overhead of allocators and threads differs between runs."""
DECODER_BYTES_PER_PIXEL = {"webp": 7.0, "gif": 4.5, "avif": 13.0}
"""Bytes per pixel held by decoders that cannot stream rows."""
CPU_SECONDS = {"png": 45.0, "tiff": 30.0, "jpeg": 32.0, "webp": 50.0, "gif": 50.0, "avif": 70.0}
"""CPU seconds per gigapixel of three 8-bit channels, including the encoding of JPEG tiles."""
START_SECONDS = 1.0
FARGATE_VCPUS = ((1_000_000_000, 1), (4_000_000_000, 2))
"""vCPUs by maximum number of pixels; four beyond the last."""
UNCOMPRESSED_RATIO = 0.97
"""A TIFF counts as uncompressed if its file has at least this share of the size of its pixels."""


def estimate(scan: Header, size: int) -> Estimate:
    """Return the estimate for making a scan's tiles. size: of its file, in bytes.

    Fitted to what `python3 dev.py bench placement` measures.
    """
    out_bands = min(4, max(3, scan.bands))  # a grey scan with a profile becomes RGB
    deep, pixels = scan.bits / 8, scan.width * scan.height
    width = scan.height if scan.orientation >= 5 else scan.width
    strips = width * out_bands * tile_side(scan.width, scan.height) * ROW_BUFFER_FACTOR
    blocks = scan.width * scan.block_rows * scan.bands * deep if scan.tiled else _strip(scan, size)
    held = 0.0
    if scan.format == "jpeg" and scan.progressive:
        held = 2 * scan.samples
    elif scan.format == "png" and scan.progressive:
        held = scan.bands * deep
    held = DECODER_BYTES_PER_PIXEL.get(scan.format, held) * (
        deep if scan.format in DECODER_BYTES_PER_PIXEL else 1
    )
    if scan.orientation != 1:
        held += max(3, out_bands)
    memory = BASE_MB + (strips + blocks + held * pixels) / MB
    channels = max(1, scan.bands / 3) * (1 + (deep - 1) / 2)
    cpu = START_SECONDS + pixels / 1e9 * CPU_SECONDS[scan.format] * channels
    return Estimate(
        subject=_described(scan, size),
        memory_mb=memory * MARGIN,
        disk_mb=size / MB,
        cpu_seconds=cpu,
        vcpus=next((vcpus for most, vcpus in FARGATE_VCPUS if pixels <= most), 4),
    )


def _described(scan: Header, size: int) -> str:
    """Return the scan in words, without an article, to follow "A"."""
    kind = f"{'progressive ' if scan.progressive else ''}{scan.format.upper()}"
    return f"{scan.width:,} x {scan.height:,} px {kind} of {size / MB:,.1f} MB"


def _strip(scan: Header, size: int) -> float:
    """Return the bytes held for a strip of a TIFF: as stored, and if it is planar, as decoded too.

    A strip is read as a whole and decoded row by row, except in a planar TIFF. The result is 0 for other
    formats, and for interleaved uncompressed data, which libtiff reads row by row:
    https://libtiff.gitlab.io/libtiff/functions/TIFFOpen.html
    """
    whole = scan.width * scan.height * scan.bands * scan.bits / 8
    if scan.format != "tiff" or (size >= UNCOMPRESSED_RATIO * whole and not scan.planar):
        return 0
    return (whole + size if scan.planar else size) * scan.block_rows / scan.height
