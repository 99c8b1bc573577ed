"""The second kind of work: turning a video into a browser-compatible MP4, at most 1080p, and a poster."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runtime.placement.placement import Estimate
from runtime.rejection import Reason, Rejected, check_bytes
from runtime.work.source import Source
from runtime.work.videos.confined import carry_out
from runtime.work.videos.containers import Read, check_whole, kind_of, other_video
from runtime.work.videos.estimate import estimate
from runtime.work.videos.facts import Facts, VideoLimits
from runtime.work.videos.orders import Order
from runtime.work.videos.rendition import MP4, POSTER
from runtime.work.work import Progress, Results

HEAD_BYTES = 4096
PROBE_SECONDS = 120
MOST_THREADS = 4
"""Maximum threads; more would take memory and gain little at 1080p."""
MEDIA_TYPES = {MP4: "video/mp4", POSTER: "image/webp"}


@dataclass(frozen=True, kw_only=True)
class Videos:
    """Makes an MP4 and a poster from MP4, MOV, WebM or Matroska. Implements runtime.work.work.Work."""

    limits: VideoLimits

    def recognises(self, head: bytes) -> bool:
        """Return whether the first bytes are a video's.

        Unsupported formats count too, so that their rejection can name them.
        """
        return kind_of(head[:HEAD_BYTES]) is not None or other_video(head) is not None

    def estimate(self, source: Source) -> Estimate:
        """Estimate by range requests for the index and the first frame."""
        order = self._order(source.read, source.size)
        try:
            found = carry_out(order, read=source.read, deadline=time.monotonic() + PROBE_SECONDS)
        except MemoryError as error:
            message = (
                "Its index alone takes more memory than there is. Save it again and upload the new file."
            )
            raise Rejected(Reason.TOO_MUCH_WORK, message) from error
        facts = Facts(**found)
        return estimate(facts, source.size, self.limits)

    def run(
        self, source: Source, results: Results, *, folder: Path, deadline: float, progress: Progress
    ) -> Mapping[str, Any]:
        """Store MP4 and poster; an interrupted attempt leaves nothing to resume."""
        started = time.monotonic()
        file = folder / "source"
        source.download(file, self.limits.bytes)
        fetched = time.monotonic()
        with file.open("rb") as opened:
            number, size = opened.fileno(), file.stat().st_size
            order = self._order(lambda at, length: os.pread(number, length, at), size)
        threads = min(MOST_THREADS, os.cpu_count() or 1)
        ready = replace(order, file=str(file), folder=str(folder), threads=threads)
        made = dict(carry_out(ready, deadline=deadline, progress=progress))
        encoded = time.monotonic()
        for name, media_type in MEDIA_TYPES.items():
            results.put_file(name, folder / name, media_type)
        timings = {
            "fetch": _ms(fetched - started),
            "encode": _ms(encoded - fetched),
            "store": _ms(time.monotonic() - encoded),
        }
        told = Facts(**made.pop("facts")).summary
        video = {**_described(results, folder, MP4), **made}
        poster = {**_described(results, folder, POSTER), **{edge: made[edge] for edge in ("width", "height")}}
        return {"source": told, "video": video, "poster": poster, "timings_ms": timings}

    def _order(self, read: Read, size: int) -> Order:
        """Return an order to probe the file.

        Raises Rejected for a file that is too large, incomplete, encrypted or of an unsupported kind.
        """
        check_bytes(size, self.limits.bytes)
        head = read(0, HEAD_BYTES)
        kind = kind_of(head)
        if kind is None:
            message = (
                f"This is {other_video(head)}, which is not supported. Save it as MP4 and upload it again."
            )
            raise Rejected(Reason.UNSUPPORTED_FORMAT, message)
        check_whole(kind, read, size)
        return Order(kind=kind, size=size, limits=self.limits)


def _described(results: Results, folder: Path, name: str) -> dict[str, Any]:
    return {
        "key": f"{results.prefix}{name}",
        "url": f"{results.address}/{name}",
        "bytes": (folder / name).stat().st_size,
        "media_type": MEDIA_TYPES[name],
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
