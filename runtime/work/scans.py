"""The first kind of work: turning huge scans into zoomable tiles, IIIF level 0."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.imaging.formats import SNIFF_BYTES, sniff
from runtime.imaging.limits import Limits
from runtime.imaging.probe import check_pixels, probe, probe_file
from runtime.imaging.pyramid import Pyramid, write_pyramid
from runtime.imaging.transform import Encoding
from runtime.placement.placement import Estimate
from runtime.rejection import Rejected, check_bytes
from runtime.work.scan_estimate import estimate
from runtime.work.source import Source
from runtime.work.uploads import Uploads
from runtime.work.work import Progress, Results

INFO = "info.json"
MEDIA_TYPES = {".jpg": "image/jpeg", ".json": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Scans:
    """Makes tiles of any image that runtime/imaging reads. Implements runtime.work.work.Work."""

    limits: Limits

    def recognises(self, head: bytes) -> bool:
        """Return whether the first bytes are those of a supported format."""
        try:
            sniff(head[:SNIFF_BYTES])
        except Rejected:
            return False
        return True

    def estimate(self, source: Source) -> Estimate:
        """Estimate from the header, with a few range requests. Raises Rejected."""
        check_bytes(source.size, self.limits.max_bytes)
        header = probe(source.read)
        check_pixels(header.width, header.height, header, self.limits)
        return estimate(header, source.size)

    def run(
        self, source: Source, results: Results, *, folder: Path, deadline: float, progress: Progress
    ) -> Mapping[str, Any]:
        """Store the pyramid; `info.json`, from which viewers find the rest, is stored last."""
        started = time.monotonic()
        file = folder / "source"
        source.download(file, self.limits.max_bytes)
        downloaded = time.monotonic()
        header = probe_file(file)
        check_pixels(header.width, header.height, header, self.limits)

        def put(path: str, data: bytes) -> None:
            results.put(path, data, MEDIA_TYPES[Path(path).suffix])

        with Uploads(put) as uploads:
            made = write_pyramid(
                file,
                header,
                self.limits,
                address=results.address,
                store=_last(INFO, uploads),
                progress=progress,
                deadline=deadline,
            )
        timings = {"fetch": _ms(downloaded - started), "tiles": _ms(time.monotonic() - downloaded)}
        return {"source": header.summary, "pyramid": _described(results, made), "timings_ms": timings}


def _described(results: Results, made: Pyramid) -> dict[str, Any]:
    return {
        "info": f"{results.prefix}{INFO}",
        "url": f"{results.address}/{INFO}",
        "width": made.width,
        "height": made.height,
        "tiles": made.tiles,
        "bytes": made.size,
        "media_type": MEDIA_TYPES[f".{Encoding.JPG}"],
    }


def _last(name: str, uploads: Uploads) -> Callable[[str, bytes], None]:
    """Return a function that stores the file `name` only once all earlier ones are stored."""

    def store(path: str, data: bytes) -> None:
        if path == name:
            uploads.flush()
        uploads.store(path, data)

    return store


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
